import { Partitioners } from 'kafkajs';
import { useBroker } from '../support/kafka';
import { topicAt } from '../support/topic';
import { until } from '../support/until';
import { codeOf, describeEventLog, newTopic, offsets, text } from './event-log-suite';
import { openKafkaLog } from './kafka-log';
import { textOf } from './tail-recorder';
import { useEventLogs } from './use-event-logs';

/** A few questions to a broker on a busy machine; nothing that waits for a period. */
const JOIN_MS = 2_000;

jest.setTimeout(60_000);

describe('kafka event log', () => {
  const kafka = useBroker();
  const { build, open, start, tail } = useEventLogs((topics, env) =>
    openKafkaLog(kafka.bootstrap, topics, env),
  );

  const topicOf = (topic: string) => topicAt(kafka.bootstrap, topic);

  describeEventLog({
    build,
    async buildTrimmed(topic) {
      const log = await open([topic]);
      offsets(await log.append(Array.from({ length: 25 }, (_, i) => text(topic, String(i)))));
      await topicOf(topic).trim([15n]);
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
      await topicOf(topic).grow(3);
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
        await topicOf(topic).grow(count);
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
      const log = await open([topic], { KAFKA_CREATE_TOPICS: 'another', KAFKA_SILENCE_MS: '1000' });
      const seen = await tail(log);
      expect(seen.layout!.partitions).toEqual([]);
      expect((await log.append([text(topic, 'x')])).map(codeOf)).toEqual(['unknown-topic']);
      expect(log.status().consumer.connected).toBe(true);
      await topicOf(topic).create({ partitions: 2 });
      await until(() => seen.added.length === 2, 'its partitions joined');
      offsets(await log.append([text(topic, 'a'), text(topic, 'b')]));
      await seen.sees(2);
    });
  });

  describe('what others write', () => {
    it.each(['gzip', 'snappy', 'lz4', 'zstd'])('reads %s', async (codec) => {
      const topic = newTopic();
      await topicOf(topic).create({ config: { 'compression.type': codec } });
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
      await topicOf(topic).create({ config: { 'max.message.bytes': '2000' } });
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

    it('fails only the record that the broker refuses for what it is', async () => {
      const topic = newTopic();
      await topicOf(topic).create({ config: { 'cleanup.policy': 'compact' } });
      const log = await open([topic]);
      const seen = await tail(log);
      const keys = ['a', 'b', null, 'c', 'd'];
      const results = await log.append(keys.map((key) => text(topic, String(key), key)));
      expect(results.map(codeOf)).toEqual(['ok', 'ok', 'event-rejected', 'ok', 'ok']);
      await seen.sees(4);
      expect(seen.texts).toEqual(['a', 'b', 'c', 'd']);
      expect(seen.records.map(({ offset }) => offset)).toEqual(
        results.flatMap((result) => (result.ok ? [result.offset] : [])),
      );
    });

    it('refuses what does not fit into its queue', async () => {
      const topic = newTopic();
      const log = await open([topic], { KAFKA_PRODUCE_QUEUE_RECORDS: '10' });
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
      await topicOf(topic).trim([10n]);
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
      await topicOf(topic).recreate(1);
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
});
