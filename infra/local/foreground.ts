import { UsageError } from './command-line';

/**
 * Under `npm run` one Ctrl-C arrives twice: from the terminal, which signals npm and this process, and from npm,
 * which passes it on.
 */
export const SAME_KEYPRESS_MS = 500;
const ORPHAN_POLL_MS = 1_000;
const CUT_SHORT = 130;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Running {
  close(): Promise<void>;
  /** Settles with the exit code when the command is finished; absent: it runs until a signal. */
  readonly done?: Promise<number>;
}

/**
 * Runs a command in the foreground: starts it, keeps the process alive, and closes it at SIGINT, SIGTERM or SIGHUP.
 * While it starts, and at a second signal, the process ends at once, and its children with it (see startChild). Exit
 * codes: 0 after a signal, or 130 when it interrupted a command with an end; 1 when starting failed or `giveUp` was
 * called; 2 for a wrong command line.
 */
export async function runInForeground(
  start: (giveUp: (reason: string) => void) => Promise<Running>,
): Promise<void> {
  let running: Running | null = null;
  let stoppedAt: number | null = null;

  const stop = (reason: string, exitCode: number): void => {
    if (stoppedAt !== null) {
      if (Date.now() - stoppedAt < SAME_KEYPRESS_MS) return;
      process.exit(1);
    }
    stoppedAt = Date.now();
    if (running === null) process.exit(exitCode === 0 ? CUT_SHORT : exitCode);
    process.stderr.write(`\n${reason}: stopping; press again to exit at once\n`);
    running.close().then(
      () => process.exit(exitCode),
      (error: unknown) => fail(error),
    );
  };
  const interrupt = (reason: string): void => stop(reason, running?.done === undefined ? 0 : CUT_SHORT);
  for (const signal of SIGNALS) process.on(signal, () => interrupt(signal));
  stopWithNpm(() => interrupt('npm has ended'));

  try {
    const started = await start((reason) => stop(reason, 1));
    running = started;
    if (started.done === undefined) return;
    const exitCode = await started.done;
    if (stoppedAt !== null) return;
    await started.close();
    process.exit(exitCode);
  } catch (error) {
    // Stopping makes the command fail; `stop` then ends this process.
    if (stoppedAt === null) fail(error);
  }
}

/**
 * Calls `stop` when `npm run` ends before this process: npm passes a SIGTERM only to the shell between it and this
 * process, and the shell dies without passing it on.
 */
export function stopWithNpm(stop: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, ORPHAN_POLL_MS);
  timer.unref();
}

function fail(error: unknown): never {
  if (error instanceof UsageError) {
    (error.exitCode === 0 ? process.stdout : process.stderr).write(`${error.message}\n`);
    process.exit(error.exitCode);
  }
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
