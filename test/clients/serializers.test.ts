import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { type Registry, startRegistry } from '../../infra/local/registry';
import { repositoryRoot } from '../../infra/local/repository';
import { parseConfig } from '../../src/config';
import type { Decoded } from '../../src/values/decoded';
import { compileSchema, createFramedDecoder } from '../../src/values/framed-values';
import { jsonText } from '../../src/values/json-text';
import { createSchemaRegistry } from '../../src/values/schema-registry';
import { installPython } from '../support/client-libraries';
import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { createQuietLogger } from '../support/quiet-logger';
import { openStream } from '../support/sse-client';
import { openTcpProxy } from '../support/tcp-proxy';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;

/** One value that Confluent's serializer wrote, and what Confluent's deserializer makes of it. */
interface Written {
  readonly name: string;
  /** Base64. */
  readonly bytes: string;
  readonly shown: unknown;
}

let registry: Registry | null = null;
let written: readonly Written[];

beforeAll(async () => {
  const print = (line: string) => void process.stderr.write(`${line}\n`);
  const [python, started] = await Promise.all([
    installPython(print, 'serializers'),
    startRegistry({ log: print }),
  ]);
  registry = started;
  const program = spawn(
    join(python, 'bin/python'),
    ['-B', join(repositoryRoot(), 'test/clients/serializers/serialize.py'), registry.url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  written = (await text(program.stdout))
    .trim()
    .split('\n')
    .map((line) => withAllDigits(line));
}, START_LIMIT_MS);

afterAll(() => registry?.close());

/** Integers beyond 2^53 as text, on both sides. */
function withAllDigits(line: string): Written {
  return JSON.parse(line.replace(/(?<=[:,[ ])-?\d{16,}(?=[,\]}])/g, '"$&"')) as Written;
}

describe('what Confluent’s serializers wrote with a real registry', () => {
  it('is what their own deserializers say, and undecodable where the registry has no schema', async () => {
    const { values } = parseConfig({ SCHEMA_REGISTRY_URL: registry!.url });
    const schemas = createSchemaRegistry({
      config: values.registry!,
      compile: compileSchema,
      logger: createQuietLogger(),
    });
    const decoder = createFramedDecoder(schemas, { int64: 'number', ...values.limits });
    const decoded = async (bytes: Buffer) => {
      let found: Decoded = decoder.decode(bytes);
      await until(() => {
        found = decoder.decode(bytes);
        return found.kind !== 'waiting';
      }, 'the schema is there');
      return found;
    };
    expect(written).toHaveLength(43);
    for (const { name, bytes, shown } of written) {
      const found = await decoded(Buffer.from(bytes, 'base64'));
      if (found.kind !== 'value') throw new Error(`${name}: ${JSON.stringify(found)}`);
      const { shown: ours } = withAllDigits(`{"shown":${jsonText(found.value)}}`);
      expect({ name, shown: ours }).toEqual({ name, shown });
    }
    expect(await decoded(Buffer.from([0, 0, 0, 0xff, 0xff, 2, 0x61]))).toMatchObject({
      reason: 'unknown-schema',
      schemaId: 0xffff,
    });
    schemas.close();
  });
});

describe('a topic of such values in Kafka', () => {
  const kafka = useBroker();
  const KEYS = 4;

  interface Status {
    readonly consumer: { readonly partitions: readonly { readonly state: string; readonly lag: number }[] };
  }

  it(
    'waits while the registry is away, and each key’s stream gets its records, live and from history',
    async () => {
      const topic = topicAt(kafka.bootstrap, 'orders');
      await topic.create({ partitions: 2 });
      const registryProxy = await openTcpProxy(Number(new URL(registry!.url).port));
      registryProxy.cut();
      const env = {
        EVENT_LOG: 'kafka',
        KAFKA_BROKERS: kafka.bootstrap.join(','),
        KAFKA_TOPICS: 'orders=/orders/{key};registry',
        SCHEMA_REGISTRY_URL: `${registryProxy.url}${new URL(registry!.url).pathname}`,
      };
      const { url } = await startGateway(env);
      const status = async () => (await (await fetch(`${url}/kafka/status`)).json()) as Status;
      await until(async () => (await fetch(`${url}/readyz`)).status === 200, 'it is ready');
      const live = await openStream(`${url}/subscribe/orders/k1`);

      const orders = written.filter(({ name }) => /^avro \d/.test(name));
      const producer = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING }).producer({
        createPartitioner: Partitioners.DefaultPartitioner,
      });
      await producer.connect();
      const messages = orders.map(({ bytes }, i) => ({
        key: `k${i % KEYS}`,
        value: Buffer.from(bytes, 'base64'),
      }));
      await producer.send({ topic: 'orders', messages });
      await producer.disconnect();

      await until(async () => {
        const { partitions } = (await status()).consumer;
        const lag = partitions.reduce((sum, partition) => sum + partition.lag, 0);
        return lag === orders.length && partitions.some(({ state }) => state === 'waiting');
      }, 'all of them wait in Kafka');
      expect(live.events.filter(({ event }) => event === 'message')).toEqual([]);
      registryProxy.mend();

      const own = orders.filter((_, i) => i % KEYS === 1).map(({ shown }) => shown);
      const shownOn = ({ events }: { events: readonly { event: string; data: string }[] }) =>
        events
          .filter(({ event }) => event === 'message')
          .map(({ data }) => withAllDigits(`{"shown":${data}}`).shown);
      await live.until((it) => shownOn(it).length === own.length);
      expect(shownOn(live)).toEqual(own);

      // Another gateway has nothing of it in memory.
      const second = await startGateway({ ...env, RING_WARM_RECORDS: '0' });
      await until(async () => (await fetch(`${second.url}/readyz`)).status === 200, 'it is ready');
      const replay = await openStream(`${second.url}/subscribe/orders/k1?from=earliest`);
      await replay.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
      expect(shownOn(replay)).toEqual(own);
    },
    START_LIMIT_MS,
  );
});
