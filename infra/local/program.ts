import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository';
import { describeExit, type SupervisedChild, startChild } from './supervised-child';
import { untilUp } from './until-up';

export interface ProgramOptions {
  /** Name in messages. */
  readonly name: string;
  /** Command of the program. */
  readonly command: 'serve' | 'tick' | 'aggregate';
  /** Settings; they win over the environment of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** Base URL of GET /readyz; null when it has no port: then it is ready once it runs. */
  readonly url: string | null;
  /** Restart it when it ends unexpectedly. */
  readonly restart?: boolean;
  /** Starts and deaths, a few lines for people. */
  readonly log: (line: string) => void;
  readonly onOutput: (line: string) => void;
}

/** One process of the gateway's program. */
export interface Program {
  readonly name: string;
  /** @throws Error when it does not run */
  readonly pid: number;
  /** Sends a signal (default SIGTERM) and resolves when the process has ended. Nothing restarts it. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it, or starts it again; resolves when it is ready. @throws Error when it ends or is not ready in time */
  start(): Promise<void>;
  /** Ends it for good. May be called more than once. */
  close(): Promise<void>;
}

const READY_DEADLINE_MS = 60_000;
const READY_REQUEST_MS = 2_000;
const READY_PAUSE_MS = 50;
const STOP_DEADLINE_MS = 15_000;
const RESTART_PAUSE_MS = 1_000;

/**
 * The built program.
 * @param checkout unset: this one
 * @throws Error when it is not built
 */
export function mainFile(checkout: string = repositoryRoot()): string {
  const file = join(checkout, 'dist/src/main.js');
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`npm run build\` there first`);
  return file;
}

/** A program that is not started yet. */
export function createProgram(options: ProgramOptions): Program {
  const { name, command, env, url, restart = false, log, onOutput } = options;
  let child: SupervisedChild | null = null;
  let restartTimer: NodeJS.Timeout | null = null;
  let closing: Promise<void> | null = null;
  /** For the running process; an end before that is reported by `start`. */
  let ready = false;

  const launch = (): SupervisedChild => {
    if (closing !== null) throw new Error(`${name} is closed`);
    if (child !== null) throw new Error(`${name} runs already`);
    const started = startChild({
      name,
      command: process.execPath,
      args: [mainFile(), command],
      env: { ...process.env, ...env },
      onLine: onOutput,
    });
    child = started;
    ready = false;
    void started.exited.then((exit) => {
      // Otherwise it was stopped on purpose.
      if (child !== started) return;
      child = null;
      if (!ready) return;
      log(`${name} died: ${describeExit(exit)}${restart ? ', starting it again' : ''}`);
      if (restart) scheduleRestart();
    });
    return started;
  };

  const start = async (): Promise<void> => {
    cancelRestart();
    const started = launch();
    try {
      await untilUp(started, async () => (url === null ? null : readyFault(url)), {
        deadlineMs: READY_DEADLINE_MS,
        pauseMs: READY_PAUSE_MS,
      });
      ready = true;
    } catch (error) {
      if (child === started) {
        child = null;
        await started.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS });
      }
      throw error;
    }
  };

  const scheduleRestart = (): void => {
    if (closing !== null) return;
    restartTimer = setTimeout(() => {
      start().catch((error: unknown) => {
        log(`${name}: ${(error as Error).message}`);
        scheduleRestart();
      });
    }, RESTART_PAUSE_MS);
  };

  const cancelRestart = (): void => {
    if (restartTimer !== null) clearTimeout(restartTimer);
    restartTimer = null;
  };

  const kill = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    cancelRestart();
    const ending = child;
    if (ending === null) return;
    child = null;
    await ending.stop({ signal, deadlineMs: STOP_DEADLINE_MS });
  };

  return {
    name,
    get pid() {
      if (child === null) throw new Error(`${name} does not run`);
      return child.pid;
    },
    kill,
    start,
    close() {
      closing ??= kill();
      return closing;
    },
  };
}

/** Null when GET /readyz answers 200, else why not. */
export async function readyFault(url: string): Promise<string | null> {
  try {
    const response = await fetch(`${url}/readyz`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(READY_REQUEST_MS),
    });
    const body = await response.text();
    return response.status === 200 ? null : `GET /readyz answers ${response.status} ${body}`;
  } catch (error) {
    const { message, cause } = error as Error;
    return cause instanceof Error ? `${message}: ${cause.message}` : message;
  }
}
