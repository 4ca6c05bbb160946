import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '../../infra/local/broker';
import { openEventSource } from '../support/event-source';
import { BASE_OFFSET, expectedRecord, recordSet } from '../support/fixtures/record-sets';
import { spawnGateway } from '../support/process';
import { batchStarts } from '../support/record-set';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
const LIMIT_MS = 60_000;
const TOPIC = 'old-topic';

/** The set at other offsets. In format 1 those within a compressed message count from a base that the outer one tells. */
function movedBy(offsets: bigint, set: Buffer): Buffer {
  for (const start of batchStarts(set)) set.writeBigInt64BE(set.readBigInt64BE(start) + offsets, start);
  return set;
}

/**
 * Kafka 4 cannot write the formats from before 0.11 any more, but serves them as they are from old segments. So one is
 * put into the log directory of a broker while it is down.
 */
describe('records of message formats 0 and 1, in an old segment', () => {
  let dataDir: string;
  let broker: Broker;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'old-formats-'));
    broker = await startBroker({ dataDir });
    const topic = topicAt(broker.bootstrap, TOPIC);
    await topic.create();
    await broker.stop();
    const paths = await readdir(dataDir, { recursive: true });
    const directory = join(dataDir, paths.find((path) => path.endsWith(`${TOPIC}-0`))!);
    const files = await readdir(directory);
    for (const file of files) if (/^\d+\./.test(file)) await rm(join(directory, file));
    const segment = Buffer.concat([
      recordSet('magic-0-lz4'),
      movedBy(20n, recordSet('magic-1-gzip')),
      movedBy(40n, recordSet('magic-1')),
    ]);
    await writeFile(join(directory, `${String(BASE_OFFSET).padStart(20, '0')}.log`), segment);
    await broker.start();
    await topic.produce([{ value: 'of today', partition: 0 }]);
    expect(await topic.bounds()).toEqual([{ low: BASE_OFFSET, high: BASE_OFFSET + 53n }]);
  }, START_LIMIT_MS);

  afterAll(async () => {
    await broker?.close();
    await rm(dataDir, { recursive: true, force: true });
  }, START_LIMIT_MS);

  const expected = [
    ...Array.from({ length: 20 }, (_, i) => ({ ...expectedRecord(i), timestampMs: -1 })),
    ...Array.from({ length: 20 }, (_, i) => expectedRecord(i)),
    ...Array.from({ length: 12 }, (_, i) => expectedRecord(i)),
  ].map(({ timestampMs: timestamp, key, value }, i) => ({
    offset: String(BASE_OFFSET + BigInt(i)),
    timestamp,
    key: key === null ? null : String(key),
    // Without a value: a tombstone, whose data is its key.
    data: value === null ? String(key ?? '') : value.toString('base64'),
  }));

  it.each([
    ['as the tail reads it into the ring', '10000'],
    ['as it is read again for a stream', '0'],
  ])(
    'each is an event, %s',
    async (_, RING_WARM_RECORDS) => {
      const { url } = await spawnGateway({
        env: {
          KAFKA_BROKERS: broker.bootstrap.join(','),
          KAFKA_TOPICS: `${TOPIC}=/;base64`,
          RING_WARM_RECORDS,
        },
      });
      await until(async () => (await fetch(`${url}/readyz`)).status === 200, 'the gateway is ready');
      const source = openEventSource(`${url}/events?from=earliest&meta=1`);
      await until(() => source.events.some(({ event }) => event === 'gateway.live'), 'all has been replayed');
      const records = source.events.filter(
        ({ event }) => event === 'message' || event === 'gateway.tombstone',
      );
      const shown = records.map(({ data: envelope }) => {
        const { offset, timestamp, key, data } = JSON.parse(envelope);
        return { offset, timestamp, key, data };
      });
      expect(shown.slice(0, -1)).toEqual(expected);
      expect(shown.at(-1)!.data).toBe(Buffer.from('of today').toString('base64'));
      expect(source.events.map(({ event }) => event)).not.toContain('gateway.gap');
    },
    LIMIT_MS,
  );
});
