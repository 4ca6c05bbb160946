import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pace } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { type Broker, startBroker } from '../../infra/local/broker';
import { parseConfig } from '../../src/config';
import { kafkaClientOptions } from '../../src/eventlog/kafka/client-options';
import { createKafkaEventLog } from '../../src/eventlog/kafka/kafka-event-log';
import { APPENDER_HEADER, SEQUENCE_HEADER } from '../../src/eventlog/kafka/sequence-filter';
import { useBroker } from '../support/kafka';
import { createQuietLogger } from '../support/quiet-logger';
import { until } from '../support/until';
import { codeOf, describeEventLog, newTopic, offsets, text } from './event-log-suite';
import { TailRecorder, textOf } from './tail-recorder';
import { CLOSE_MS, type Env, useEventLogs } from './use-event-logs';

/** How soon losing Kafka and finding it again is told (docs/reliability.md). */
const STATUS_MS = 5_000;
/** A few questions to a broker on a busy machine; nothing that waits for a period. */
const JOIN_MS = 2_000;

jest.setTimeout(60_000);

describe('kafka event log', () => {
  const kafka = useBroker();
  const { build, open, start, tail } = useEventLogs(
    (topics, env) => buildOn(kafka.bootstrap, topics, env).log,
  );

  function client(): Kafka {
    const { kafka: settings } = parseConfig({ KAFKA_BROKERS: kafka.bootstrap.join(',') });
    return new Kafka({ ...kafkaClientOptions(settings, createQuietLogger()), logLevel: logLevel.NOTHING });
  }

  async function withAdmin<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = client().admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  const deleteBefore = (topic: string, offset: number) =>
    withAdmin(async (admin) => {
      // kafkajs finds the leader in metadata that only some other call loads.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
    });

  describeEventLog({
    build,
    async buildTrimmed(topic) {
      const log = await open([topic]);
      offsets(await log.append(Array.from({ length: 25 }, (_, i) => text(topic, String(i)))));
      await deleteBefore(topic, 15);
      return log;
    },
  });

  describe('partitions', () => {
    it('puts a key where Kafka’s default partitioner puts it and spreads records without one', async () => {
      const topic = newTopic();
      const log = await open([topic], { KAFKA_TOPIC_PARTITIONS: '3' });
      const seen = await tail(log);
      const javaCompatible = Partitioners.DefaultPartitioner();
      const partitionMetadata = [0, 1, 2].map((partitionId) => ({
        partitionId,
        leader: 1,
        partitionErrorCode: 0,
        replicas: [1],
        isr: [1],
      }));
      const keys = ['', 'a', 'ab', 'abc', 'abcd', 'abcde', '/pets/dogs', 'ü€😀', 'x'.repeat(1_000)];
      for (const key of keys) {
        const [result] = await log.append([text(topic, key, key)]);
        const message = { key: Buffer.from(key), value: null };
        expect(result).toMatchObject({
          ok: true,
          partition: javaCompatible({ topic, partitionMetadata, message }),
        });
      }
      const spread = await log.append(Array.from({ length: 30 }, (_, i) => text(topic, `none ${i}`)));
      const used = new Set(spread.map((result) => (result.ok ? result.partition : codeOf(result))));
      expect([...used].sort()).toEqual([0, 1, 2]);
      await seen.sees(keys.length + 30);
    });

    it('joins partitions that are added, from their first record, and appends to them', async () => {
      const topic = newTopic();
      const log = await open([topic], { KAFKA_METADATA_REFRESH_MS: '200' });
      const seen = await tail(log);
      offsets(await log.append([text(topic, 'before')]));
      await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
      await until(() => seen.added.length >= 2, 'both partitions joined');
      expect(seen.added).toMatchObject([
        { topic, partition: 1, logStart: 0n },
        { topic, partition: 2, logStart: 0n },
      ]);
      await until(async () => {
        const [result] = await log.append([text(topic, 'after')]);
        return result?.ok === true && result.partition === 2;
      }, 'a record went to the last partition');
      await until(() => seen.records.some(({ partition }) => partition === 2), 'it was seen');
    });

    it('joins partitions that are added as soon as the bounds are asked for', async () => {
      const topic = newTopic();
      const log = await open([topic], { KAFKA_METADATA_REFRESH_MS: '600000' });
      const seen = await tail(log);
      for (const count of [2, 3, 5]) {
        await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
        // A broker learns of new partitions, and that it leads them, a moment after they were made.
        await until(async () => {
          const { partitions } = await log.bounds().catch(() => ({ partitions: [] }));
          return partitions.length === count;
        }, 'the bounds of the added partitions');
        await until(() => seen.added.length === count - 1, 'they joined', JOIN_MS);
      }
      expect(seen.added.map(({ partition, logStart }) => [partition, logStart])).toEqual(
        [1, 2, 3, 4].map((partition) => [partition, 0n]),
      );
      const results = await log.append(Array.from({ length: 50 }, (_, i) => text(topic, String(i))));
      const used = new Set(results.map((result) => (result.ok ? result.partition : codeOf(result))));
      expect([...used].sort()).toEqual([0, 1, 2, 3, 4]);
      await seen.sees(50);
    });

    it('tails a topic that appears later and is not its own to create', async () => {
      const topic = newTopic();
      const log = await open([topic], { KAFKA_CREATE_TOPICS: 'another', KAFKA_LIVENESS_MS: '1000' });
      const seen = await tail(log);
      expect(seen.layout!.partitions).toEqual([]);
      expect((await log.append([text(topic, 'x')])).map(codeOf)).toEqual(['unknown-topic']);
      expect(log.status().consumer.connected).toBe(true);
      await withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }));
      await until(() => seen.added.length === 2, 'its partitions joined');
      offsets(await log.append([text(topic, 'a'), text(topic, 'b')]));
      await seen.sees(2);
    });
  });

  describe('what others write', () => {
    it.each(['gzip', 'snappy', 'lz4', 'zstd'])('reads %s', async (codec) => {
      const topic = newTopic();
      await withAdmin((admin) =>
        admin.createTopics({
          topics: [{ topic, configEntries: [{ name: 'compression.type', value: codec }] }],
        }),
      );
      const log = await open([topic]);
      const seen = await tail(log);
      const values = Array.from({ length: 200 }, (_, i) => `${i} ${'lorem ipsum '.repeat(i)}`);
      offsets(await log.append(values.map((value) => text(topic, value))));
      await seen.sees(200);
      expect(seen.texts).toEqual(values);
      expect(seen.gaps).toEqual([]);
      const chunk = await log.read({ topic, partition: 0 }, 50n, 60n, { maxBytes: 1 << 20 });
      expect(chunk.records.map(textOf)).toEqual(values.slice(50, 60));
    });

    it('drops second copies in the tail and in range reads, and hides its own headers', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const seen = await tail(log);
      const producer = client().producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      const stamped = (value: string, sequence: number) => ({
        value,
        headers: {
          channel: '/x',
          [APPENDER_HEADER]: '0123456789abcdef',
          [SEQUENCE_HEADER]: String(sequence),
        },
      });
      await producer.send({ topic, messages: [stamped('a', 1), stamped('b', 2)] });
      await producer.send({
        topic,
        messages: [stamped('a again', 1), stamped('b again', 2), stamped('c', 3)],
      });
      await producer.send({ topic, messages: [{ value: 'foreign' }, stamped('b late', 2)] });
      await producer.disconnect();
      const at = { topic, partition: 0 };
      await until(() => log.status().consumer.partitions[0]!.position === 7n, 'all of it was read');
      expect(seen.records.map((record) => [textOf(record), record.offset])).toEqual([
        ['a', 0n],
        ['b', 1n],
        ['c', 4n],
        ['foreign', 5n],
      ]);
      expect(seen.records[0]!.headers).toEqual([{ key: 'channel', value: Buffer.from('/x') }]);
      const chunk = await log.read(at, 0n, 7n, { maxBytes: 1 << 20 });
      expect(chunk.records.map(textOf)).toEqual(['a', 'b', 'c', 'foreign']);
      expect(chunk.next).toBe(7n);
      // One that begins after the first copies knows them from the tail.
      expect((await log.read(at, 2n, 4n, { maxBytes: 1 << 20 })).records).toEqual([]);
    });

    it('brings a record that is larger than the fetch limits', async () => {
      const topic = newTopic();
      const log = await open([topic], { KAFKA_FETCH_MAX_BYTES: '2048', KAFKA_FETCH_PARTITION_BYTES: '1024' });
      const seen = await tail(log);
      for (const size of [10, 300_000, 5_000, 20]) {
        offsets(await log.append([{ topic, key: null, value: Buffer.alloc(size, 'x'), headers: [] }]));
      }
      await seen.sees(4);
      expect(seen.records.map(({ value }) => value!.length)).toEqual([10, 300_000, 5_000, 20]);
    });
  });

  describe('limits', () => {
    it('fails only the record that is too large for the broker', async () => {
      const topic = newTopic();
      await withAdmin((admin) =>
        admin.createTopics({
          topics: [{ topic, configEntries: [{ name: 'max.message.bytes', value: '2000' }] }],
        }),
      );
      const log = await open([topic]);
      const seen = await tail(log);
      const sizes = [500, 600, 5_000, 700, 800, 900];
      const results = await log.append(
        sizes.map((size) => ({ topic, key: null, value: Buffer.alloc(size, 'x'), headers: [] })),
      );
      expect(results.map(codeOf)).toEqual(['ok', 'ok', 'event-too-large', 'ok', 'ok', 'ok']);
      await seen.sees(5);
      expect(seen.records.map(({ value }) => value!.length)).toEqual([500, 600, 700, 800, 900]);
      expect(seen.records.map(({ offset }) => offset)).toEqual(
        results.flatMap((result) => (result.ok ? [result.offset] : [])),
      );
      expect(log.status().producer.connected).toBe(true);
    });

    it('refuses what does not fit into its queue', async () => {
      const topic = newTopic();
      const log = await open([topic], { PRODUCE_QUEUE_RECORDS: '10' });
      const results = await log.append(Array.from({ length: 15 }, (_, i) => text(topic, String(i))));
      expect(results.map(codeOf)).toEqual([
        ...Array.from({ length: 10 }, () => 'ok'),
        ...Array.from({ length: 5 }, () => 'too-many-in-flight'),
      ]);
    });
  });

  describe('a log that changes under the tail', () => {
    it('announces records that were deleted while it was paused', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const { seen, tail: running } = await start(log);
      offsets(await log.append([text(topic, '0')]));
      await seen.sees(1);
      running.pause();
      // What was being fetched may still arrive: this record ends that fetch.
      offsets(await log.append([text(topic, '1')]));
      await log.read({ topic, partition: 0 }, 0n, 2n, { maxBytes: 1_000 });
      const rest = Array.from({ length: 8 }, (_, i) => text(topic, String(i + 2)));
      offsets(await log.append(rest));
      await deleteBefore(topic, 10);
      offsets(await log.append([text(topic, '10')]));
      const { position } = log.status().consumer.partitions[0]!;
      expect(position).toBeLessThan(10n);
      running.resume();
      await until(() => seen.texts.includes('10'), 'the record after the gap');
      expect(seen.gaps).toEqual([{ topic, partition: 0, from: position, to: 10n, reason: 'retention' }]);
    });

    it('resets when the topic was deleted and created again', async () => {
      const topic = newTopic();
      const log = await open([topic], { KAFKA_METADATA_REFRESH_MS: '200' });
      const seen = await tail(log);
      offsets(await log.append([text(topic, 'old 0'), text(topic, 'old 1')]));
      await seen.sees(2);
      await withAdmin(async (admin) => {
        await admin.deleteTopics({ topics: [topic] });
        await until(async () => !(await admin.listTopics()).includes(topic), 'the topic is gone');
        await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
      });
      await until(() => seen.resets.length > 0, 'the reset');
      expect(seen.resets).toMatchObject([
        { reason: 'recreated', layout: { partitions: [{ topic, logEnd: 0n }] } },
      ]);
      expect(seen.resets[0]!.layout.partitions[0]!.topicId).not.toBe(seen.layout!.partitions[0]!.topicId);
      await until(
        async () => (await log.append([text(topic, 'new')])).every(({ ok }) => ok),
        'appends work again',
      );
      await until(() => seen.texts.includes('new'), 'the new record');
      await until(() => log.status().consumer.connected, 'the consumer is connected');
    });
  });

  describe('when the broker is away', () => {
    it('answers every append and loses and doubles nothing through a broker’s kill and restart', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const seen = await tail(log);
      const outcomes = new Map<string, string>();
      let appending = true;
      const appends = (async () => {
        for (let i = 0; appending; i++) {
          const value = String(i);
          const [result] = await log.append([text(topic, value)]);
          outcomes.set(value, codeOf(result!));
          if (!result!.ok) await pace(5);
        }
      })();
      const acked = () => [...outcomes].filter(([, outcome]) => outcome === 'ok').map(([value]) => value);
      await until(() => acked().length > 100, 'some appends');
      await kafka.broker.kill();
      await until(
        () => !log.status().producer.connected && !log.status().consumer.connected,
        'the loss is noticed',
        STATUS_MS,
      );
      await kafka.broker.start();
      const backMs = performance.now();
      await until(
        () => log.status().producer.connected && log.status().consumer.connected,
        'it is back',
        STATUS_MS,
      );
      expect(performance.now() - backMs).toBeLessThan(STATUS_MS);
      const before = acked().length;
      await until(() => acked().length > before + 100, 'appends go on');
      appending = false;
      await appends;
      await until(() => seen.texts.includes(acked().at(-1)!), 'the last record');
      expect(new Set(outcomes.values()).has('log-unavailable')).toBe(true);
      expectOnceInOrder(seen.texts, acked(), outcomes);
    });

    it('tells within 5 s when the broker hangs and when it is back, answers appends, and loses nothing', async () => {
      const topic = newTopic();
      const log = await open([topic], { PRODUCE_DEADLINE_MS: '2500' });
      const seen = await tail(log);
      const outcomes = new Map<string, string>();
      const append = async (value: string) => {
        const [result] = await log.append([text(topic, value)]);
        outcomes.set(value, codeOf(result!));
        return codeOf(result!);
      };
      expect(await append('0')).toBe('ok');
      kafka.broker.pause();
      const hangMs = performance.now();
      try {
        expect(await append('1')).toBe('outcome-unknown');
        expect(performance.now() - hangMs).toBeLessThan(3_000);
        await until(
          () => !log.status().producer.connected && !log.status().consumer.connected,
          'the hang is noticed',
          STATUS_MS - (performance.now() - hangMs),
        );
        const refusedMs = performance.now();
        expect(await append('2')).toBe('log-unavailable');
        expect(performance.now() - refusedMs).toBeLessThan(100);
      } finally {
        kafka.broker.resume();
      }
      await until(
        () => log.status().producer.connected && log.status().consumer.connected,
        'it is back',
        STATUS_MS,
      );
      for (let i = 3; i < 20; i++) expect(await append(String(i))).toBe('ok');
      await until(() => seen.texts.includes('19'), 'the last record');
      const acked = [...outcomes].filter(([, outcome]) => outcome === 'ok').map(([value]) => value);
      expectOnceInOrder(seen.texts, acked, outcomes);
    });

    it('closes in time while the broker hangs, and says what it does not know', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      await tail(log);
      kafka.broker.pause();
      try {
        const pending = log.append([text(topic, 'x')]);
        const startMs = performance.now();
        await log.close(300);
        expect(performance.now() - startMs).toBeLessThan(800);
        expect((await pending).map(codeOf)).toEqual(['outcome-unknown']);
      } finally {
        kafka.broker.resume();
      }
    });

    it('notices a hang while idle, and one that outlasts every request', async () => {
      const log = await open([newTopic()], {
        KAFKA_LIVENESS_MS: '1000',
        KAFKA_REQUEST_TIMEOUT_MS: '1000',
        KAFKA_CONNECT_TIMEOUT_MS: '1000',
      });
      await tail(log);
      await until(() => log.status().consumer.connected, 'the consumer is connected');
      kafka.broker.pause();
      try {
        await until(
          () => !log.status().producer.connected && !log.status().consumer.connected,
          'the hang is noticed',
          STATUS_MS,
        );
        await until(
          () => /connect/.test(log.status().consumer.lastError?.message ?? ''),
          'a new connection hangs too',
        );
        await expect(log.bounds()).rejects.toMatchObject({ code: 'log-unavailable' });
      } finally {
        kafka.broker.resume();
      }
      await until(
        () => log.status().producer.connected && log.status().consumer.connected,
        'it is back',
        STATUS_MS,
      );
    });
  });
});

describe('kafka event log without a broker', () => {
  let broker: Broker | null = null;
  afterAll(() => broker?.close());

  it('starts, refuses at once, works as soon as one is there, and resets for another cluster', async () => {
    const port = await freePort();
    const topic = newTopic();
    const { log } = buildOn([`127.0.0.1:${port}`], [topic]);
    const seen = new TailRecorder();
    log.tail(seen);
    try {
      const startMs = performance.now();
      expect((await log.append([text(topic, 'x')])).map(codeOf)).toEqual(['log-unavailable']);
      expect(performance.now() - startMs).toBeLessThan(100);
      await expect(log.bounds()).rejects.toMatchObject({ code: 'log-unavailable' });
      await expect(log.read({ topic, partition: 0 }, 0n, 1n, { maxBytes: 1 })).rejects.toMatchObject({
        code: 'log-unavailable',
      });
      await until(() => log.status().consumer.lastError, 'the error is told');
      expect(log.status().producer).toMatchObject({ connected: false, state: 'starting' });
      broker = await startBroker({ port });
      await until(
        () => log.status().producer.connected && log.status().consumer.connected,
        'it works',
        STATUS_MS,
      );
      offsets(await log.append([text(topic, 'first')]));
      await seen.sees(1);

      // Another cluster at the same address: new data, new ids.
      await broker.close();
      broker = await startBroker({ port });
      await until(() => seen.resets.length > 0, 'the reset');
      expect(seen.resets[0]).toMatchObject({ reason: 'cluster' });
      expect(seen.resets[0]!.layout.clusterId).not.toBe(seen.layout!.clusterId);
      await until(
        async () => (await log.append([text(topic, 'second')])).every(({ ok }) => ok),
        'appends work there',
      );
      await until(() => seen.texts.includes('second'), 'the record of the other cluster');
    } finally {
      await log.close(CLOSE_MS);
    }
    expect(seen.violations).toEqual([]);
  });

  it('closes at once', async () => {
    const { log } = buildOn([`127.0.0.1:${await freePort()}`], [newTopic()]);
    log.tail(new TailRecorder());
    const startMs = performance.now();
    await log.close(CLOSE_MS);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

function buildOn(bootstrap: readonly string[], topics: readonly string[], env: Env = {}) {
  const { kafka, append } = parseConfig({
    KAFKA_BROKERS: bootstrap.join(','),
    KAFKA_CREATE_TOPICS: topics.join(','),
    ...env,
  });
  const logger = createQuietLogger();
  return { log: createKafkaEventLog({ kafka, append, topics, logger }), logger };
}

/** Every acked value was seen exactly once, in order; of the others only those of unknown outcome may have been seen. */
function expectOnceInOrder(
  seen: readonly string[],
  acked: readonly string[],
  outcomes: ReadonlyMap<string, string>,
): void {
  expect(seen).toEqual([...new Set(seen)]);
  expect(seen.map(Number)).toEqual(seen.map(Number).toSorted((a, b) => a - b));
  const values = new Set(seen);
  expect(acked.filter((value) => !values.has(value))).toEqual([]);
  for (const value of seen) expect(['ok', 'outcome-unknown']).toContain(outcomes.get(value));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
