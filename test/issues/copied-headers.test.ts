import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { openStream, type SseClient } from '../support/sse-client';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(60_000);
const READY_MS = 20_000;

/**
 * The gateway stamped each of its records with two headers and took a second record with the same stamp for a retry.
 * But Kafka Streams, retry topics and mirrors copy headers: of what they made of a record, one was delivered.
 */
describe('records that carry the headers of another record', () => {
  const kafka = useBroker();

  const stamped = (value: string, sequence: number) => ({
    value,
    partition: 0,
    headers: {
      event: 'order',
      'gateway-appender': '0123456789abcdef',
      'gateway-sequence': String(sequence),
    },
  });
  const dataOf = ({ events }: SseClient) =>
    events.filter(({ event }) => event === 'order').map(({ data }) => data);

  async function gatewayOf(topic: string) {
    const env = { EVENT_LOG: 'kafka', KAFKA_BROKERS: kafka.bootstrap.join(), KAFKA_TOPICS: topic };
    const gateway = await startGateway({ ...env, RING_RECORDS: '4', WARM_RECORDS: '0' });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready', READY_MS);
    return gateway;
  }

  it('are all delivered: three outputs of each of four events', async () => {
    const topic = topicAt(kafka.bootstrap, 'outputs');
    await topic.create();
    const gateway = await gatewayOf('outputs');
    const live = await openStream(`${gateway.url}/events`);
    const outputs = [1, 2, 3, 4].flatMap((event) =>
      ['a', 'b', 'c'].map((output) => stamped(`${event}${output}`, event)),
    );
    await topic.produce(outputs);
    const expected = outputs.map(({ value }) => value);
    await live.until((client) => dataOf(client).length >= 12);
    expect(dataOf(live)).toEqual(expected);
    // What is older than memory is read from Kafka.
    const replayed = await openStream(`${gateway.url}/events?from=earliest`);
    await replayed.until((client) => dataOf(client).length >= 12);
    expect(dataOf(replayed)).toEqual(expected);
  });

  it('are all delivered when they were published anew with all their headers', async () => {
    const topic = topicAt(kafka.bootstrap, 'retries');
    await topic.create();
    const gateway = await gatewayOf('retries');
    const live = await openStream(`${gateway.url}/events`);
    const first = ['x', 'y', 'z'].map((value, index) => stamped(value, index + 1));
    await topic.produce(first);
    await live.until((client) => dataOf(client).length === 3);
    await topic.produce(first);
    await live.until((client) => dataOf(client).length >= 6);
    expect(dataOf(live)).toEqual(['x', 'y', 'z', 'x', 'y', 'z']);
  });
});
