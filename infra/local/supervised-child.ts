import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a process ended: one of the two is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Name in messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; default that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Each line of its standard output and standard error. */
  readonly onLine?: (line: string) => void;
  /** A path to remove when this process dies before the child has ended. */
  readonly removeOnOrphan?: string;
}

export interface SupervisedChild {
  readonly name: string;
  readonly pid: number;
  /** Settles once the process, its descendants and its output have ended; never rejects. */
  readonly exited: Promise<Exit>;
  /** Null while it runs. */
  exit(): Exit | null;
  /** Sends a signal; no effect once it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGSTOP; resolves when nothing of it runs any more. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
  /** Sends `signal` (default SIGTERM), and SIGKILL when it still runs after `deadlineMs`. */
  stop(options: { signal?: NodeJS.Signals; deadlineMs: number }): Promise<Exit>;
  /** The last lines of its output, for messages. */
  lastLines(): string;
}

/**
 * Starts a program that cannot outlive this process, not even when this process is killed.
 *
 * The shell starts a watchdog and then becomes the program (exec), so that the pid is the program's. The watchdog reads a
 * pipe whose only writer is this process: end of file means that this process is dead, and the watchdog kills the whole
 * process group. This needs neither Linux's prctl nor polling. The separate group also keeps Ctrl-C of the terminal from
 * the program, so that its starter decides the order of stopping.
 */
const LAUNCHER = `
( read -r never <&3 || {
    kill -s KILL $$
    [ -z "$ORPHAN_PATH" ] || rm -rf -- "$ORPHAN_PATH"
    kill -s KILL -- "-$$"
  } ) >/dev/null 2>&1 &
exec "$@" 3<&-
`;

/** As in LAUNCHER. */
const WATCHDOG_FD = 3;
const KEPT_LINES = 40;
const STOPPED_POLL_MS = 1;

export function startChild(options: ChildOptions): SupervisedChild {
  const { name, onLine } = options;
  const child: ChildProcess = spawn('sh', ['-c', LAUNCHER, 'sh', options.command, ...options.args], {
    env: { ...(options.env ?? process.env), ORPHAN_PATH: options.removeOnOrphan ?? '' },
    detached: true,
    // Not standard input: Node closes it when the program ends, before 'exit', and the watchdog would take that for the
    // end of this process.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const pid = child.pid;
  const lifeline = child.stdio[WATCHDOG_FD] as Socket;

  const kept: string[] = [];
  const keep = (line: string): void => {
    kept.push(line);
    if (kept.length > KEPT_LINES) kept.shift();
    onLine?.(line);
  };
  for (const output of [child.stdout!, child.stderr!]) createInterface({ input: output }).on('line', keep);

  let ended: Exit | null = null;
  const exited = new Promise<Exit>((resolve) => {
    child.on('error', (error) => {
      keep(String(error));
      ended ??= { code: 127, signal: null };
      resolve(ended);
    });
    child.on('exit', (code, signal) => {
      ended = { code, signal };
      // The watchdog first, then its pipe. It is still a member, so the group's number is nobody else's yet.
      killGroup(pid!);
      lifeline.destroy();
    });
    child.on('close', () => resolve(ended!));
  });
  lifeline.on('error', () => {
    // Nothing is ever written; 'exit' reports that its reader has ended.
  });
  if (pid === undefined)
    throw new Error(`${name} could not be started: no shell or no such working directory`);

  const signal = (which: NodeJS.Signals): void => {
    if (ended === null) child.kill(which);
  };
  return {
    name,
    pid,
    exited,
    exit: () => ended,
    signal,
    async pause() {
      signal('SIGSTOP');
      while (ended === null && !isStopped(pid)) await sleep(STOPPED_POLL_MS);
    },
    resume: () => signal('SIGCONT'),
    async stop({ signal: first = 'SIGTERM', deadlineMs }) {
      signal(first);
      const timer = setTimeout(() => signal('SIGKILL'), deadlineMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
    lastLines: () => kept.join('\n'),
  };
}

/** "exit code 1", "SIGKILL". */
export function describeExit({ code, signal }: Exit): string {
  return signal ?? `exit code ${code}`;
}

/**
 * One thread takes the signal and stops the others: until it is scheduled, and that takes a while on a busy machine, the
 * program goes on and answers. Systems other than Linux do not show the threads.
 */
function isStopped(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  const directory = `/proc/${pid}/task`;
  try {
    const stats = readdirSync(directory).map((thread) => readFileSync(`${directory}/${thread}/stat`, 'utf8'));
    return stats.every((stat) => /\) [TtXZ]/.test(stat));
  } catch (error) {
    // A thread ended between the two, or the process did.
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
