import { createWriteStream, mkdirSync, readdirSync, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';

export interface RunLog {
  /** Directory of this run's files. */
  readonly directory: string;
  /** Writes a line of a process to its file, and prints it when it is a warning or an error. */
  write(name: string, line: string): void;
  close(): Promise<void>;
}

const KEPT_RUNS = 10;
const PINO_WARN = 40;

/** One file per process under `parent`/`<time>`; the oldest runs are removed. */
export function createRunLog(options: {
  readonly parent: string;
  readonly verbose: boolean;
  readonly print: (line: string) => void;
}): RunLog {
  const { parent, verbose, print } = options;
  const directory = join(parent, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  for (const old of readdirSync(parent).sort().slice(0, -KEPT_RUNS)) {
    rmSync(join(parent, old), { recursive: true, force: true });
  }
  const files = new Map<string, WriteStream>();
  return {
    directory,
    write(name, line) {
      let file = files.get(name);
      if (file === undefined) {
        file = createWriteStream(join(directory, `${name}.log`));
        file.on('error', (error) => print(`the log of ${name} is not written: ${error.message}`));
        files.set(name, file);
      }
      file.write(`${line}\n`);
      if (verbose || matters(name, line)) print(`${name} | ${line}`);
    },
    async close() {
      await Promise.all(
        [...files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve()))),
      );
      files.clear();
    },
  };
}

/** Whether to print a line without --verbose: errors, and warnings of our own programs. */
export function matters(name: string, line: string): boolean {
  if (name === 'kafka') return /: (ERROR|FATAL) /.test(line);
  if (name === 'nginx') return /\[(emerg|alert|crit)\]/.test(line);
  if (name.startsWith('k6')) return / level=(warning|error|fatal) /.test(line);
  try {
    const { level } = JSON.parse(line) as { level?: unknown };
    return typeof level === 'number' && level >= PINO_WARN;
  } catch {
    // Not a JSON line: the stack trace of a crash.
    return true;
  }
}
