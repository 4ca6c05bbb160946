import { describeExit, startChild } from '../../infra/local/supervised-child';
import { type ClientCommands, installClientLibraries } from './client-libraries';
import { until } from './until';

/** One program of test/clients that runs, and what it has handed to its user so far. */
export interface ClientProgram {
  readonly name: string;
  /** How often a connection became a stream. */
  readonly connections: number;
  /** Data of all unnamed events, in the order in which they were handed over. */
  readonly data: readonly string[];
  /** The id that came with each. */
  readonly ids: readonly string[];
  /** What the gateway said it cannot give back: data of `gateway.gap` and `gateway.reset`. */
  readonly incomplete: readonly string[];
  /** Why it has given up for good; null while it has not. */
  readonly stopped: string | null;
  close(): Promise<void>;
}

export interface ClientProgramOptions {
  /** The stream's address for each client. */
  readonly url: (name: string) => string;
  /** Default: one that no gateway looks at. */
  readonly token?: string;
  /** Silence after which a client that can notice takes its connection for broken. Default 45,000, as docs/clients.md says. */
  readonly readTimeoutMs?: number;
  /** Default: all of them. */
  readonly only?: readonly string[];
}

const INSTALL_LIMIT_MS = 300_000;
const STOP_DEADLINE_MS = 5_000;

const open = new Set<ClientProgram>();

// Registered for each test file that imports this module.
afterEach(async () => {
  await Promise.all([...open].map((client) => client.close()));
});

export interface ClientLibraries {
  /** Names of all of them; only inside tests. */
  readonly names: readonly string[];
  /** Starts the clients; ended after the test. */
  start(options: ClientProgramOptions): readonly ClientProgram[];
}

/** The libraries of test/clients, installed before the first test of the file. */
export function useClientLibraries(): ClientLibraries {
  let installed: ClientCommands = {};
  beforeAll(async () => {
    installed = await installClientLibraries((line) => process.stderr.write(`${line}\n`));
  }, INSTALL_LIMIT_MS);
  return {
    get names() {
      return Object.keys(installed);
    },
    start: (options) =>
      (options.only ?? Object.keys(installed)).map((name) => startClient(name, installed, options)),
  };
}

function startClient(
  name: string,
  commands: ClientCommands,
  { url, token = 'unused', readTimeoutMs = 45_000 }: ClientProgramOptions,
): ClientProgram {
  const { command, args } = commands[name]!;
  let connections = 0;
  const data: string[] = [];
  const ids: string[] = [];
  const incomplete: string[] = [];
  let stopped: string | null = null;

  const child = startChild({
    name,
    command,
    args: [...args, url(name), token, String(readTimeoutMs)],
    onLine(text) {
      const line = reported(text);
      if (line === null) return;
      if (line.kind === 'connected') connections++;
      else if (line.kind === 'event') {
        data.push(line.data!);
        ids.push(line.id!);
      } else if (line.kind === 'incomplete') incomplete.push(line.data!);
      else stopped = line.reason!;
    },
  });
  void child.exited.then((exit) => {
    stopped ??= `${describeExit(exit)}\n${child.lastLines()}`;
  });
  const client: ClientProgram = {
    name,
    data,
    ids,
    incomplete,
    get connections() {
      return connections;
    },
    get stopped() {
      return stopped;
    },
    async close() {
      open.delete(client);
      await child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS });
    },
  };
  open.add(client);
  return client;
}

interface ReportedLine {
  readonly kind: 'connected' | 'event' | 'incomplete' | 'stopped';
  readonly data?: string;
  readonly id?: string;
  readonly reason?: string;
}

/** Null for what a library prints by itself. */
function reported(text: string): ReportedLine | null {
  return /^{.*"kind": ?"/.test(text) ? (JSON.parse(text) as ReportedLine) : null;
}

/** Resolves once all clients are as they should be. @throws Error that tells which are not, and what they have */
export async function untilAll(
  clients: readonly ClientProgram[],
  isRight: (client: ClientProgram) => boolean,
  what: string,
  deadlineMs = 30_000,
): Promise<void> {
  try {
    await until(() => clients.every(isRight), what, deadlineMs);
  } catch (error) {
    const wrong = clients.filter((client) => !isRight(client)).map((client) => JSON.stringify(client));
    throw new Error(`${(error as Error).message}, but not with\n${wrong.join('\n')}`);
  }
}
