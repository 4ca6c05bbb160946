/** Of what k6 has of it; its lines go to standard error. */
declare const console: {
  log(line: string): void;
  warn(line: string): void;
};

/** Loads a module in the init context; unlike an import also under a condition. */
declare function require(path: string): unknown;
