import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { mainFile } from '../../infra/local/program';
import { type SupervisedChild, startChild } from '../../infra/local/supervised-child';
import { CONNECT_SECONDS, ROOMS } from './document-figures';
import { type Deliveries, startRoomRun } from './room-run';

const USAGE = `Usage: npm run rooms -- [options]

Reproduces both tables of document 001 against this gateway: how long N clients take to connect, and how long a message
to a room of six takes. Starts the gateway by itself, with the memory log. Prints Markdown.

  --quick              the smallest rows only
  --iterations N       iterations of the long rows (100)
  --help               this text
`;

const ROOM_SIZE = 6;
/** A process that may hold 20,000 files can hold so many streams. */
const STREAMS_PER_GATEWAY = 18_000;
const STOP_DEADLINE_MS = 5_000;
const TICKS_PER_SECOND = 100;

interface Gateway {
  readonly child: SupervisedChild;
  readonly port: number;
}

function startGateway(): Promise<Gateway> {
  return new Promise((resolve, reject) => {
    const child = startChild({
      name: 'gateway',
      command: process.execPath,
      args: [mainFile()],
      env: { ...process.env, PORT: '0', HOST: '127.0.0.1', EVENT_LOG: 'memory', TICK_MS: '0', DRAIN_MS: '0' },
      onLine: (line) => {
        const port = /"port":(\d+).*"msg":"listening"/.exec(line)?.[1];
        if (port !== undefined) resolve({ child, port: Number(port) });
      },
    });
    void child.exited.then(() => reject(new Error(`the gateway ended: ${child.lastLines()}`)));
  });
}

/** Processor time of a process so far, in seconds (proc(5): utime and stime). */
function cpuSeconds({ child }: Gateway): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function withGateways<T>(count: number, use: (gateways: readonly Gateway[]) => Promise<T>): Promise<T> {
  const gateways = await Promise.all(Array.from({ length: count }, startGateway));
  try {
    return await use(gateways);
  } finally {
    await Promise.all(
      gateways.map(({ child }) => child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS })),
    );
  }
}

async function connectRow(clients: number): Promise<string> {
  const count = Math.ceil(clients / STREAMS_PER_GATEWAY);
  return withGateways(count, async (gateways) => {
    const run = await startRoomRun({ ports: gateways.map(({ port }) => port), clients, roomSize: ROOM_SIZE });
    run.close();
    const theirs = CONNECT_SECONDS.get(clients);
    return `| ${clients} | ${run.connectSeconds.toFixed(2)} | ${theirs ?? '–'} | ${count} |`;
  });
}

async function roomRow(clients: number, iterations: number, mode: 'paced' | 'closedLoop'): Promise<string> {
  return withGateways(1, async (gateways) => {
    const run = await startRoomRun({ ports: gateways.map(({ port }) => port), clients, roomSize: ROOM_SIZE });
    const before = cpuSeconds(gateways[0]!);
    const startMs = performance.now();
    const result: Deliveries = await run[mode](iterations);
    const cpuPercent = ((cpuSeconds(gateways[0]!) - before) / ((performance.now() - startMs) / 1_000)) * 100;
    run.close();
    const theirs = ROOMS.get(`${clients} x ${iterations}`);
    const ours = [
      `${result.averageMs.toFixed(1)} ms`,
      `${result.p99Ms.toFixed(1)} ms`,
      `${result.totalSeconds.toFixed(2)} s`,
      `${cpuPercent.toFixed(1)} %`,
      String(result.messages),
    ];
    const document =
      theirs === undefined
        ? '–'
        : `${theirs.averageSeconds * 1_000} ms, ${theirs.totalSeconds} s, ${theirs.cpuPercent} %, ${theirs.messages}`;
    return `| ${clients} | ${iterations} | ${mode === 'paced' ? 'one a second' : 'closed loop'} | ${ours.join(' | ')} | ${document} |`;
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      iterations: { type: 'string', default: '100' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const long = Number(values.iterations);
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  print(
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, commit ${commit}\n`,
  );
  print('| clients | seconds to connect | document 001 | gateways |\n|---:|---:|---:|---:|');
  for (const clients of values.quick ? [1_000] : [1_000, 2_000, 3_000, 4_000, 5_000, 10_000, 18_000]) {
    print(await connectRow(clients));
  }
  print(
    '\n| clients | iterations | senders | average | p99 | total | CPU | messages | document 001: average, total, CPU, messages |\n' +
      '|---:|---:|---|---:|---:|---:|---:|---:|---|',
  );
  const rows = values.quick
    ? [[1_000, 1]]
    : [1_000, 2_000, 3_000].flatMap((clients) => [1, 10, long].map((n) => [clients, n]));
  for (const [clients, iterations] of [...rows, ...(values.quick ? [] : [[4_000, long]])]) {
    print(await roomRow(clients!, iterations!, 'closedLoop'));
  }
  print(await roomRow(values.quick ? 1_000 : 4_000, values.quick ? 3 : long, 'paced'));
}

main().catch((error: unknown) => {
  process.stderr.write(`rooms: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
