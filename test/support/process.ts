import { mainFile } from '../../infra/local/program';
import {
  describeExit,
  type Exit,
  type SupervisedChild,
  startChild,
} from '../../infra/local/supervised-child';

export interface GatewayProcess {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Settles when it has ended; never rejects. */
  readonly exited: Promise<Exit>;
  /** Sends a signal (default SIGKILL) and resolves with how the process ended. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** SIGSTOP; resolves when nothing of it runs any more. */
  pause(): Promise<void>;
  resume(): void;
  /** Everything it has printed so far. */
  output(): string;
  /** Ends it. @throws Error with its output when it had ended by itself before */
  close(): Promise<void>;
}

export interface SpawnOptions {
  /** Settings; PORT is 0 unless set here. */
  readonly env?: Readonly<Record<string, string>>;
  /** Limit of open files; default: as this process has it. */
  readonly maxFiles?: number;
  /** The file to run; default: as built here. */
  readonly main?: string;
}

const LISTEN_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 30_000;

const open = new Set<GatewayProcess>();

// Registered for each test file that imports this module.
afterAll(async () => {
  const ends = await Promise.allSettled([...open].map((gateway) => gateway.close()));
  open.clear();
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
});

/**
 * The built program (`npm run build`) as a process of its own on a free port, ended after the file's last test at the
 * latest. A process that ended without having been told to fails that clean-up, with its output.
 *
 * @throws Error with its output when it does not listen
 */
export async function spawnGateway({
  env = {},
  maxFiles,
  main = mainFile(),
}: SpawnOptions = {}): Promise<GatewayProcess> {
  const lines: string[] = [];
  let heard: (port: number) => void;
  const listening = new Promise<number>((resolve) => {
    heard = resolve;
  });
  const child = startChild({
    name: 'gateway',
    ...(maxFiles === undefined
      ? { command: process.execPath, args: [main, 'serve'] }
      : {
          command: 'sh',
          args: ['-c', `ulimit -n ${maxFiles} && exec "$0" "$@"`, process.execPath, main, 'serve'],
        }),
    // HOST: tests need no more than loopback. NODE_ENV: kafkajs retries otherwise under jest's `test`.
    env: { ...process.env, NODE_ENV: 'development', HOST: '127.0.0.1', PORT: '0', ...env },
    onLine: (line) => {
      lines.push(line);
      const port = listeningPort(line);
      if (port !== null) heard(port);
    },
  });
  const output = (): string => lines.join('\n');
  const port = await Promise.race([listening, failure(child)]);
  if (typeof port === 'string') {
    await child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS });
    throw new Error(`the gateway does not listen: ${port}\n${output()}`);
  }

  let told = false;
  const kill = (signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> => {
    if (child.exit() === null) told = true;
    return child.stop({ signal, deadlineMs: STOP_DEADLINE_MS });
  };
  const gateway: GatewayProcess = {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    exited: child.exited,
    kill,
    pause: child.pause,
    resume: child.resume,
    output,
    async close() {
      open.delete(gateway);
      const exit = child.exit();
      if (exit !== null && !told) throw new Error(`the gateway died: ${describeExit(exit)}\n${output()}`);
      await kill();
    },
  };
  open.add(gateway);
  return gateway;
}

/** The port of the log line that tells it, else null. */
function listeningPort(line: string): number | null {
  try {
    const { msg, port } = JSON.parse(line) as { msg?: unknown; port?: unknown };
    return msg === 'Listening' && typeof port === 'number' ? port : null;
  } catch {
    // Not every line is a log line.
    return null;
  }
}

/** Settles when the process has ended or took too long; the timer ends with the process. */
function failure(child: SupervisedChild): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`silent for ${LISTEN_DEADLINE_MS} ms`), LISTEN_DEADLINE_MS);
    timer.unref();
    void child.exited.then((exit) => {
      clearTimeout(timer);
      resolve(describeExit(exit));
    });
  });
}
