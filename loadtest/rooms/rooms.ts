import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { startListening } from '../../bench/servers/listening';
import type { BenchServer } from '../../bench/servers/server';
import { parseCommandLine, refuseFaults, wholeNumber } from '../../infra/local/command-line';
import { runInForeground } from '../../infra/local/foreground';
import { usageOf } from '../../infra/local/process-usage';
import { mainFile } from '../../infra/local/program';
import { parseConfig } from '../../src/config';
import { partsOf, streamsPerProcess } from './file-limit';
import { CONNECT_SECONDS, ROOMS } from './published-figures';
import { type Deliveries, type RoomRun, startRoomRun } from './room-run';

const USAGE = `Usage: npm run rooms -- [options]

Reproduces both tables of the room benchmark (README-LOAD-TEST.md) with this gateway: how long N clients take to connect,
and how long a message to a room of six takes. Starts the gateways by itself, with the memory log. Clients that are more than one process may
hold open files (ulimit -n) are split over several. Prints Markdown.

  --quick              the smallest rows only
  --connect N          only the row of N clients of the first table
  --iterations N       iterations of the long rows (100)
  --help               this text`;

const ROOM_SIZE = 6;

type Gateway = Omit<BenchServer, 'publish'>;

async function startGateway(): Promise<Gateway> {
  const { server } = await startListening({
    name: 'gateway',
    command: process.execPath,
    args: [mainFile()],
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', EVENT_LOG: 'memory', TICK_MS: '0', DRAIN_MS: '0' },
  });
  return server;
}

function cpuSecondsOf(gateways: readonly Gateway[]): number {
  return gateways.reduce((sum, { pid }) => sum + usageOf(pid).cpuSeconds, 0);
}

async function withGateways<T>(count: number, use: (gateways: readonly Gateway[]) => Promise<T>): Promise<T> {
  const gateways = await Promise.all(Array.from({ length: count }, startGateway));
  try {
    return await use(gateways);
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.close()));
  }
}

/** Rooms for this many clients, at as many gateways as they need. */
async function withRooms<T>(
  clients: number,
  use: (run: RoomRun, gateways: readonly Gateway[]) => Promise<T>,
): Promise<T> {
  const clientsPerProcess = streamsPerProcess();
  // The gateways' settings.
  const { maxStreams } = parseConfig({ ...process.env, EVENT_LOG: 'memory' }).streams;
  const count = partsOf(clients, Math.min(maxStreams, clientsPerProcess));
  return withGateways(count, async (gateways) => {
    const ports = gateways.map(({ port }) => port);
    const run = await startRoomRun({ ports, clients, roomSize: ROOM_SIZE, clientsPerProcess });
    try {
      return await use(run, gateways);
    } finally {
      run.close();
    }
  });
}

async function connectRow(clients: number): Promise<string> {
  return withRooms(clients, async ({ connectSeconds, clientProcesses }, gateways) => {
    const theirs = CONNECT_SECONDS.get(clients) ?? '–';
    return `| ${clients} | ${connectSeconds.toFixed(2)} | ${theirs} | ${gateways.length} | ${clientProcesses} |`;
  });
}

async function roomRow(clients: number, iterations: number, mode: 'paced' | 'closedLoop'): Promise<string> {
  return withRooms(clients, async (run, gateways) => {
    const before = cpuSecondsOf(gateways);
    const startMs = performance.now();
    const result: Deliveries = await run[mode](iterations);
    const cpuPercent = ((cpuSecondsOf(gateways) - before) / ((performance.now() - startMs) / 1_000)) * 100;
    const theirs = ROOMS.get(`${clients} x ${iterations}`);
    const ours = [
      `${result.averageMs.toFixed(1)} ms`,
      `${result.p99Ms.toFixed(1)} ms`,
      `${result.totalSeconds.toFixed(2)} s`,
      `${cpuPercent.toFixed(1)} %`,
      String(result.messages),
    ];
    const published =
      theirs === undefined
        ? '–'
        : `${theirs.averageSeconds * 1_000} ms, ${theirs.totalSeconds} s, ${theirs.cpuPercent} %, ${theirs.messages}`;
    return `| ${clients} | ${iterations} | ${mode === 'paced' ? 'one a second' : 'closed loop'} | ${ours.join(' | ')} | ${published} |`;
  });
}

interface RoomsOptions {
  readonly quick: boolean;
  /** Null: all rows of both tables. */
  readonly onlyConnect: number | null;
  readonly iterations: number;
}

/** @throws UsageError */
function parseRoomsOptions(args: readonly string[]): RoomsOptions {
  const values = parseCommandLine(args, USAGE, {
    quick: { type: 'boolean', default: false },
    iterations: { type: 'string', default: '100' },
    connect: { type: 'string' },
  });
  const faults: string[] = [];
  const number = (name: string) => wholeNumber(`--${name}`, values[name], 1, 9_999_999, faults);
  const options = {
    quick: values.quick === true,
    onlyConnect: values.connect === undefined ? null : number('connect'),
    iterations: number('iterations'),
  };
  refuseFaults(faults, USAGE);
  return options;
}

async function printTables({ quick, onlyConnect, iterations: long }: RoomsOptions): Promise<void> {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  print(
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, commit ${commit}\n`,
  );
  print(
    '| clients | seconds to connect | room benchmark | gateways | client processes |\n|---:|---:|---:|---:|---:|',
  );
  if (onlyConnect !== null) {
    print(await connectRow(onlyConnect));
    return;
  }
  const connects = quick ? [1_000] : [1_000, 2_000, 3_000, 4_000, 5_000, 10_000, 18_000, 20_000];
  for (const clients of connects) print(await connectRow(clients));
  print(
    '\n| clients | iterations | senders | average | p99 | total | CPU | messages | room benchmark: average, total, CPU, messages |\n' +
      '|---:|---:|---|---:|---:|---:|---:|---:|---|',
  );
  const rows: [clients: number, iterations: number][] = quick
    ? [[1_000, 1]]
    : [
        ...[1_000, 2_000, 3_000].flatMap((clients) =>
          [1, 10, long].map((n): [number, number] => [clients, n]),
        ),
        [4_000, long],
      ];
  for (const [clients, iterations] of rows) print(await roomRow(clients, iterations, 'closedLoop'));
  print(await roomRow(quick ? 1_000 : 4_000, quick ? 3 : long, 'paced'));
}

/** `npm run rooms`. Its child processes end with it: see startChild. */
void runInForeground(async () => {
  const options = parseRoomsOptions(process.argv.slice(2));
  return { done: printTables(options).then(() => 0), close: async () => undefined };
});
