import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { openEventSource } from '../support/event-source';
import { useBroker } from '../support/kafka';
import { spawnGateway } from '../support/process';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const LIMIT_MS = 90_000;
const TOPIC = 'compacted';
/** Kafka compacts closed segments only; the broker closes one at the first record after this. */
const SEGMENT_MS = 100;

describe('a value that compaction has removed', () => {
  const kafka = useBroker({ properties: { 'log.cleaner.backoff.ms': '100' } });

  it(
    'is not served again from the cache of what is older than the ring',
    async () => {
      const topic = topicAt(kafka.bootstrap, TOPIC);
      await topic.create({
        config: {
          'cleanup.policy': 'compact',
          'segment.ms': String(SEGMENT_MS),
          'min.cleanable.dirty.ratio': '0.01',
          'min.compaction.lag.ms': '0',
        },
      });
      const producer = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING }).producer({
        createPartitioner: Partitioners.DefaultPartitioner,
      });
      await producer.connect();
      const put = (key: string, value: string | null) =>
        producer.send({ topic: TOPIC, messages: [{ key, value }] });
      await put('user', 'to be erased');
      await put('other', 'kept');
      const { url } = await spawnGateway({
        env: {
          KAFKA_BROKERS: kafka.bootstrap.join(','),
          KAFKA_TOPICS: `${TOPIC}=/`,
          RING_RECORDS: '1',
          RING_WARM_RECORDS: '0',
          REPLAY_CACHE_MS: '1000',
        },
      });
      await until(async () => (await fetch(`${url}/readyz`)).status === 200, 'the gateway is ready');
      /** Values of the past as a new stream is given them. */
      const history = async (): Promise<string[]> => {
        const source = openEventSource(`${url}/events?from=earliest`);
        await until(
          () => source.events.some(({ event }) => event === 'gateway.live'),
          'the past has been told',
        );
        source.close();
        return source.events.filter(({ event }) => event === 'message').map(({ data }) => data);
      };
      expect(await history()).toContain('to be erased');

      await put('user', null);
      await until(
        async () => {
          // A record closes the segment only when it comes this long after the first one.
          await pause(SEGMENT_MS);
          await put('other', 'kept');
          const [records] = await topic.read();
          return !records!.some(({ value }) => value === 'to be erased');
        },
        'Kafka has compacted it away',
        60_000,
      );
      await until(async () => !(await history()).includes('to be erased'), 'the gateway has let go of it');
      expect(await history()).toContain('kept');
      await producer.disconnect();
    },
    LIMIT_MS,
  );
});
