/**
 * What an id costs: reads records of partitions that are far on through the parts of a gateway, out of memory, with one
 * stream under the first topic. Arguments: a built checkout, topics, partitions of each, `near` (offsets within 8,000 of
 * 1.2e9) or `spread`, and `all` (the stream gets every record of its topic) or `keyed` (those of one key).
 * Prints a JSON line: processor time of a record until it is written to the stream, length of its newest id, and
 * accounted bytes of the record in the ring.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type * as config from '../src/config';
import type { EventLog, LogLayout, TailListener } from '../src/eventlog/event-log';
import { partitionOf } from '../src/eventlog/kafka/protocol/partitioner';
import type * as topicMap from '../src/events/topic-map';
import type { Chunk } from '../src/hub/chunk';
import type * as subscription from '../src/hub/subscription';
import type * as logger from '../src/logger';
import type * as reading from '../src/parts/reading';

const BASE_OFFSET = 1_200_000_000;
const NEAR_OFFSETS = 8_000;
const SPREAD_SHARE = 0.9;
const WARMUP_RECORDS = 20_000;
const RECORDS = 100_000;
/** Records of one turn of the event loop. */
const TURN_RECORDS = 50;
const DATA_BYTES = 80;
const DELIVERY_DEADLINE_MS = 10_000;
const CHANNELS = 100;

const [checkout = '.', topicCount = '1', partitionCount = '1', offsets = 'near', wanted = 'all'] =
  process.argv.slice(2);
const isKeyed = wanted === 'keyed';

/** A module of the checkout: the first of these that it has. */
function load<T>(...paths: readonly string[]): T {
  const files = paths.map((path) => join(checkout, 'dist/src', `${path}.js`));
  return require(files.find((file) => existsSync(file)) ?? files[0]!) as T;
}

const { parseConfig } = load<typeof config>('config');
// The second is from before channels could be made of keys.
const { createTopicMap } = load<typeof topicMap>('events/topic-map', 'events/record-event');
const { createSubscription } = load<typeof subscription>('hub/subscription');
const { createLogger } = load<typeof logger>('logger');
const { startReading } = load<typeof reading>('parts/reading');

/** The same numbers in each run (Lehmer's generator). */
function createRandom(): () => number {
  const MODULUS = 2_147_483_647;
  let state = 1;
  return () => {
    state = (state * 48_271) % MODULUS;
    return state / MODULUS;
  };
}

const topicName = (index: number): string => `topic${index}`;
const random = createRandom();

function farLayout(): LogLayout {
  const partitions = Array.from({ length: Number(topicCount) }, (_, topic) =>
    Array.from({ length: Number(partitionCount) }, (_, partition) => {
      const range = offsets === 'near' ? NEAR_OFFSETS : BASE_OFFSET * SPREAD_SHARE;
      const logEnd = BigInt(Math.round(BASE_OFFSET + (2 * random() - 1) * range));
      const topicId = (topic + 1).toString(16).padStart(8, '0').repeat(4);
      return { topic: topicName(topic), partition, topicId, logStart: logEnd, logEnd };
    }),
  ).flat();
  return { clusterId: 'bench', partitions, unavailable: [] };
}

/** The fan-out is slower than the reading, which has to wait. */
let isHeldBack = false;

/** Only its tail is used. */
function createFarLog(onTail: (listener: TailListener) => void): EventLog {
  return {
    tail(listener: TailListener) {
      onTail(listener);
      return {
        pause() {
          isHeldBack = true;
        },
        resume() {
          isHeldBack = false;
        },
        close: async () => undefined,
      };
    },
  } as Pick<EventLog, 'tail'> as EventLog;
}

async function main(): Promise<void> {
  const topics = Array.from({ length: Number(topicCount) }, (_, topic) =>
    isKeyed ? `${topicName(topic)}=/${topic}/{key}` : `${topicName(topic)}=/${topic}`,
  );
  const settings = parseConfig({ EVENT_LOG: 'memory', RING_WARM_RECORDS: '0', KAFKA_TOPICS: topics.join() });
  const layout = farLayout();
  let listener: TailListener | null = null;
  const { hub } = startReading({
    log: createFarLog((own) => {
      listener = own;
    }),
    topics: createTopicMap(settings.topics),
    config: settings,
    retryMs: 0,
    clockSkewMs: 0,
    onStreamError: (error) => {
      throw error;
    },
    logger: createLogger({ level: 'warn' }),
  });
  listener!.onStart(layout);
  let written = 0;
  let idChars = 0;
  hub.subscribe(createSubscription({ channels: [isKeyed ? '/0/0' : '/0'] }), {
    write({ bare }: Chunk) {
      const ids = bare.toString('latin1').match(/^id: .*$/gm) ?? [];
      written += ids.length;
      idChars = (ids.at(-1)?.length ?? 0) - 'id: '.length;
      return true;
    },
    endReplay: () => undefined,
    caughtUp: () => undefined,
    failed: () => undefined,
  });

  const value = Buffer.from('x'.repeat(DATA_BYTES));
  const next = layout.partitions.map(({ logEnd }) => logEnd);
  // The first topic's come first.
  const own = Number(partitionCount);
  const read = async (records: number): Promise<void> => {
    for (let count = 0; count < records; count++) {
      const key = Buffer.from(String(count % CHANNELS));
      const slot = isKeyed ? partitionOf(key, own) : Math.floor(random() * own);
      const { topic, partition } = layout.partitions[slot]!;
      const offset = next[slot]!;
      next[slot] = offset + 1n;
      const headers = isKeyed ? [] : [{ key: 'channel', value: Buffer.from(`/${key}`) }];
      listener!.onRecords({
        topic,
        partition,
        records: [{ offset, timestampMs: Date.now(), key, value, headers }],
        next: offset + 1n,
        leaderEpoch: 3,
      });
      if (count % TURN_RECORDS === TURN_RECORDS - 1) await turn();
      while (isHeldBack) await pause(1);
    }
  };
  const untilWritten = async (records: number): Promise<void> => {
    const expected = isKeyed ? records / CHANNELS : records;
    const deadline = performance.now() + DELIVERY_DEADLINE_MS;
    while (written < expected) {
      if (performance.now() > deadline) throw new Error(`${written} of ${expected} records were written`);
      await pause(1);
    }
  };
  await read(WARMUP_RECORDS);
  await untilWritten(WARMUP_RECORDS);
  const before = process.cpuUsage();
  await read(RECORDS);
  await untilWritten(WARMUP_RECORDS + RECORDS);
  const { user, system } = process.cpuUsage(before);
  const { ringBytes, ringRecords } = hub.stats();
  const figures = { recordUs: (user + system) / RECORDS, idChars, ringBytesEach: ringBytes / ringRecords };
  process.stdout.write(`${JSON.stringify({ figures })}\n`);
  hub.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`ids-process: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
