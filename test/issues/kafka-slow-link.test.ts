import { Kafka } from 'kafkajs';
import { type Broker, startBroker } from '../../infra/local/broker';
import { freePorts } from '../../infra/local/ports';
import { parseConfig } from '../../src/config';
import { kafkaClientOptions } from '../../src/eventlog/kafka/cluster/group';
import { startGateway, type TestGateway } from '../support/gateway';
import { createQuietLogger } from '../support/quiet-logger';
import { openSlowLink, type SlowLink } from '../support/slow-link';
import { openStream, type SseClient } from '../support/sse-client';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
jest.setTimeout(120_000);

const BYTES_PER_SECOND = 500_000;
const PARTITIONS = 6;
const RECORDS = 6_000;
const RECORD_BYTES = 1_000;
/** Three times what the records take, for a slow machine. */
const ARRIVAL_MS = (3 * 1_000 * RECORDS * RECORD_BYTES) / BYTES_PER_SECOND;
/** Of the bytes of the records: some may come twice, but no fetch is begun again and again. */
const BYTES_PASSED = 1.5 * RECORDS * RECORD_BYTES;

const UPLOAD_BYTES = 800_000;
const UPLOAD_SECONDS = 8;
const LIVENESS_MS = 3_000;

/** A fetch of 4 MiB had 3.5 s; on such a link it was begun again for ever. */
describe('a link to Kafka of 0.5 MB a second', () => {
  let broker: Broker;
  let link: SlowLink;

  beforeAll(async () => {
    const [advertisedPort] = await freePorts(1);
    broker = await startBroker({ clientListener: { advertisedPort: advertisedPort! } });
    const clientPort = Number(broker.clients[0]!.split(':').at(-1));
    link = await openSlowLink(clientPort, { port: advertisedPort!, bytesPerSecond: BYTES_PER_SECOND });
  }, START_LIMIT_MS);

  afterAll(async () => {
    await link?.close();
    await broker?.close();
  }, START_LIMIT_MS);

  async function startReady(topic: string, env: Record<string, string> = {}): Promise<TestGateway> {
    const gateway = await startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: `127.0.0.1:${link.port}`,
      KAFKA_TOPICS: topic,
      KAFKA_CREATE_TOPICS: topic,
      KAFKA_TOPIC_PARTITIONS: String(PARTITIONS),
      ...env,
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready');
    return gateway;
  }

  const records = Array.from({ length: RECORDS }, (_, i) => ({
    value: `${i} `.padEnd(RECORD_BYTES, 'x'),
    partition: i % PARTITIONS,
  }));

  it('delivers 6 MB that wait, each once, and stays ready meanwhile', async () => {
    const gateway = await startReady('tailed');
    const client = await openStream(`${gateway.url}/events`);
    const answers = watchReadiness(gateway.url);
    await topicAt(broker.bootstrap, 'tailed').produce(records);
    const bytesBefore = link.bytesToClients;
    await client.until(({ events }) => events.length >= RECORDS, ARRIVAL_MS);
    expect(numbersOf(client)).toEqual([...records.keys()]);
    expect(link.bytesToClients - bytesBefore).toBeLessThan(BYTES_PASSED);
    const seen = await answers.stop();
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.filter((status) => status !== 200)).toEqual([]);
  });

  it('replays 6 MB of history, each once, and stays ready meanwhile', async () => {
    const topic = topicAt(broker.bootstrap, 'replayed');
    await topic.create({ partitions: PARTITIONS });
    await topic.produce(records);
    const gateway = await startReady('replayed', {
      RING_WARM_RECORDS: '0',
      REPLAY_CHUNK_BYTES: String(4 << 20),
    });
    const answers = watchReadiness(gateway.url);
    const bytesBefore = link.bytesToClients;
    const client = await openStream(`${gateway.url}/events?from=earliest`);
    await client.until(({ events }) => events.some(({ event }) => event === 'gateway.live'), ARRIVAL_MS);
    expect(numbersOf(client)).toEqual([...records.keys()]);
    expect(link.bytesToClients - bytesBefore).toBeLessThan(BYTES_PASSED);
    expect((await answers.stop()).filter((status) => status !== 200)).toEqual([]);
  });

  it('gives 6 MB to a consumer of kafkajs, as the aggregator is one', async () => {
    const topic = topicAt(broker.bootstrap, 'consumed');
    await topic.create({ partitions: PARTITIONS });
    await topic.produce(records);
    const { kafka } = parseConfig({
      KAFKA_BROKERS: `127.0.0.1:${link.port}`,
      KAFKA_REQUEST_TIMEOUT_MS: '2000',
    });
    const consumer = new Kafka(kafkaClientOptions(kafka, createQuietLogger())).consumer({
      groupId: 'slow',
      maxBytes: kafka.fetchMaxBytes,
      maxBytesPerPartition: kafka.fetchPartitionBytes,
    });
    const read: number[] = [];
    const bytesBefore = link.bytesToClients;
    try {
      await consumer.connect();
      await consumer.subscribe({ topic: 'consumed', fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message }) => {
          read.push(Number.parseInt(message.value!.toString(), 10));
        },
      });
      await until(() => read.length >= RECORDS, 'all are read', ARRIVAL_MS);
    } finally {
      await consumer.disconnect();
    }
    expect(read.sort((a, b) => a - b)).toEqual([...records.keys()]);
    expect(link.bytesToClients - bytesBefore).toBeLessThan(BYTES_PASSED);
  });

  it('stores an event whose upload takes longer than the liveness timeout', async () => {
    const gateway = await startReady('uploaded', {
      MAX_EVENT_BYTES: String(UPLOAD_BYTES),
      KAFKA_PRODUCE_DEADLINE_MS: '30000',
    });
    const answers = watchReadiness(gateway.url);
    link.setSpeed(UPLOAD_BYTES / UPLOAD_SECONDS);
    const startMs = performance.now();
    const body = 'x'.repeat(UPLOAD_BYTES);
    const { status } = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body });
    expect(status).toBe(202);
    expect(performance.now() - startMs).toBeGreaterThan(LIVENESS_MS);
    expect((await answers.stop()).filter((answer) => answer !== 200)).toEqual([]);
  });
});

function numbersOf({ events }: SseClient): number[] {
  const records = events.filter(({ event }) => event === 'message');
  return records.map(({ data }) => Number.parseInt(data, 10)).sort((a, b) => a - b);
}

/** Asks `/readyz` again and again until it is stopped; answers what was said. */
function watchReadiness(url: string): { stop(): Promise<readonly number[]> } {
  const statuses: number[] = [];
  let asking = true;
  const ended = (async () => {
    while (asking) {
      statuses.push((await fetch(`${url}/readyz`)).status);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return statuses;
  })();
  return {
    stop() {
      asking = false;
      return ended;
    },
  };
}
