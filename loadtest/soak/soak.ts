import { setTimeout as pause } from 'node:timers/promises';
import { slopeOf } from '../../bench/statistics';
import { parseCommandLine, refuseFaults } from '../../infra/local/command-line';
import { runInForeground } from '../../infra/local/foreground';
import { type Stack, startStack } from '../../infra/local/start-stack';
import { startPacedPublisher } from '../../test/support/paced-publisher';
import { residentMiB } from '../../test/support/process-memory';
import { topicAt } from '../../test/support/topic';
import { until } from '../../test/support/until';
import { startChurn } from './churn';
import { DISTURBANCES } from './disturbances';
import { openSoakStream, type SoakStream } from './soak-stream';
import { judge } from './verdict';

const USAGE = `Usage: npm run soak -- [options]

Kafka, three gateways and nginx on this machine, clients that stay and clients that come and go, events all the time,
and one thing after the other that goes wrong: a gateway killed, drained, standing still, Kafka hanging and killed, nginx
reloaded. At the end every client that stayed is held against the topic, and the memory of the gateway that was never
restarted against itself. Ends with 0 when nothing was lost and the memory is flat, else with 1.

  --minutes N     how long (30)
  --clients N     clients that stay (100)
  --rate N        events a second (50)
  --churn N       connections a second that come and go, every third with nonsense (20)
  --help          this text`;

const PARTITIONS = 3;
/** Clients reconnect this many times as fast as browsers. */
const RETRY_DIVISOR = 5;
const NEVER_READING = 5;
const SAMPLE_MS = 1_000;
const MS_PER_HOUR = 3_600_000;
const REPORT_MS = 10_000;
const FIRST_FAULT_MS = 5_000;
const CALM_MS = 12_000;
const SETTLE_MS = 120_000;
/** Small, so that rings fill soon and the oldest missed events come from Kafka. */
const RING_BYTES = 4 << 20;
const HEAP_MIB = 128;
/** Over the second half of the run; in a short run, garbage collection noise exceeds it. */
const MAX_GROWTH_MIB = 24;

const print = (line: string) => void process.stdout.write(`${line}\n`);

interface Options {
  readonly minutes: number;
  readonly clients: number;
  readonly rate: number;
  readonly churn: number;
}

/** @throws UsageError */
function parseSoakOptions(args: readonly string[]): Options {
  const values = parseCommandLine(args, USAGE, {
    minutes: { type: 'string', default: '30' },
    clients: { type: 'string', default: '100' },
    rate: { type: 'string', default: '50' },
    churn: { type: 'string', default: '20' },
  });
  const faults: string[] = [];
  const number = (name: keyof Options): number => {
    const value = Number(values[name]);
    if (!(value > 0)) faults.push(`--${name} must be a number above 0, not ${values[name]}`);
    return value;
  };
  const options = {
    minutes: number('minutes'),
    clients: number('clients'),
    rate: number('rate'),
    churn: number('churn'),
  };
  refuseFaults(faults, USAGE);
  return options;
}

async function soak(stack: Stack, { minutes, clients, rate, churn }: Options): Promise<boolean> {
  const streams: SoakStream[] = Array.from({ length: clients }, () =>
    openSoakStream(stack.url, RETRY_DIVISOR),
  );
  await until(() => streams.every(({ source }) => source.isOpen), 'all clients are connected', 60_000);
  const { hostname: host, port } = new URL(stack.url);
  const visitors = startChurn({ host, port: Number(port), perSecond: churn, neverReading: NEVER_READING });
  const published = startPacedPublisher(
    stack.gateways.map(({ url }) => url),
    { prefix: 'soak', perSecond: rate },
  );

  const startMs = performance.now();
  const endMs = startMs + minutes * 60_000;
  const memory: [hours: number, residentMiB: number][] = [];
  const watched = stack.gateways[0]!.pid;
  const sampling = setInterval(() => {
    const value = residentMiB(watched);
    if (value !== null) memory.push([(performance.now() - startMs) / MS_PER_HOUR, value]);
  }, SAMPLE_MS);
  const reporting = setInterval(() => {
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    const breaks = streams.reduce((sum, { source }) => sum + source.breaks, 0);
    print(
      `${seconds} s: ${published.stored.size} events stored, ${breaks} connections broken, ` +
        `${visitors.count} visitors, gateway 1 has ${memory.at(-1)?.[1] ?? '?'} MiB`,
    );
  }, REPORT_MS);

  try {
    await pause(FIRST_FAULT_MS);
    for (let turn = 0; performance.now() < endMs - CALM_MS; turn++) {
      const { name, happen } = DISTURBANCES[turn % DISTURBANCES.length]!;
      print(`${Math.round((performance.now() - startMs) / 1_000)} s: ${name}`);
      await happen(stack);
      await pause(Math.min(CALM_MS, Math.max(0, endMs - performance.now())));
    }
    await pause(Math.max(0, endMs - performance.now()));
  } finally {
    clearInterval(sampling);
    clearInterval(reporting);
    visitors.stop();
    await published.stop();
  }

  const topic = await topicAt(stack.kafka, 'events-topic').read();
  const tracks = streams.map((stream) => stream.tracks);
  const complete = () => judge({ tracks, topic, acknowledged: published.stored }).missing === 0;
  // On a timeout the verdict shows what is missing.
  await until(complete, 'every client has everything', SETTLE_MS).catch(() => undefined);
  for (const { source } of streams) source.close();

  const loss = judge({ tracks, topic, acknowledged: published.stored });
  const complaints = streams.flatMap((stream) => stream.complaints);
  const failures = streams.flatMap(({ source }) => source.failure ?? []);
  const half = memory.slice(Math.floor(memory.length / 2));
  const slope = slopeOf(half);
  const hours = (half.at(-1)?.[0] ?? 0) - (half[0]?.[0] ?? 0);
  const growthMiB = slope * hours;
  const records = topic.reduce((sum, partition) => sum + partition.length, 0);
  const breaks = streams.reduce((sum, { source }) => sum + source.breaks, 0);
  print(`
clients that stayed      ${clients}, ${breaks} connections broken, ${failures.length} ended for good ${failures[0] ?? ''}
visitors                 ${visitors.count}
events                   ${published.stored.size} acknowledged, ${published.uncertain.size} refused or unknown, ${records} records in the topic
acknowledged, not stored ${loss.unstored}
missing at a client      ${loss.missing}
received again           ${loss.repeated}
gaps and resets          ${complaints.length} ${complaints[0] ?? ''}
memory of gateway 1      ${memory[0]?.[1]} MiB at first, ${half[0]?.[1]} in the middle, ${memory.at(-1)?.[1]} at the end;
                         second half: ${slope.toFixed(1)} MiB an hour, ${growthMiB.toFixed(1)} MiB in all (at most ${MAX_GROWTH_MIB})`);
  const isGood =
    loss.missing === 0 &&
    loss.repeated === 0 &&
    loss.unstored === 0 &&
    complaints.length === 0 &&
    failures.length === 0 &&
    // Otherwise nothing was tested.
    breaks > 0 &&
    published.stored.size > 0 &&
    growthMiB <= MAX_GROWTH_MIB;
  print(`verdict                  ${isGood ? 'nothing lost, memory flat' : 'FAILED'}`);
  return isGood;
}

/** `npm run soak` */
void runInForeground(async () => {
  const options = parseSoakOptions(process.argv.slice(2));
  const stack = await startStack({
    tickMs: null,
    aggregators: 0,
    env: {
      KAFKA_TOPIC_PARTITIONS: String(PARTITIONS),
      RING_BYTES: String(RING_BYTES),
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
    },
    log: print,
  });
  return { done: soak(stack, options).then((isGood) => (isGood ? 0 : 1)), close: stack.close };
});
