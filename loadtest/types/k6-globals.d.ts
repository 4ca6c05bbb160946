/** The part that k6 has; it prints to standard error. */
declare const console: {
  log(line: string): void;
  warn(line: string): void;
};

/** Loads a module in the init context; unlike an import, it may be conditional. */
declare function require(path: string): unknown;
