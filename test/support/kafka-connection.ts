import { startGateway, type TestGateway } from './gateway';
import { openStream } from './sse-client';
import { until } from './until';

/** In no line of the log, and in no answer. */
export const PASSWORD = 'a-secret-that-nobody-may-see';

/** A gateway that is to read from this broker. */
export function connectGateway(broker: string, env: Record<string, string> = {}): Promise<TestGateway> {
  return startGateway({ EVENT_LOG: 'kafka', KAFKA_BROKERS: broker, ...env });
}

export async function expectServed(gateway: TestGateway): Promise<void> {
  await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready');
  const client = await openStream(`${gateway.url}/events`);
  const { status } = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: 'one' });
  expect(status).toBe(202);
  await client.until(({ events }) => events.some(({ data }) => data === 'one'));
}

interface KafkaStatus {
  readonly consumer: { readonly lastError: { readonly message: string } | null };
}

/** What the log says of connections that failed, once a few have, and what `lastError` says. */
export async function failuresOf(gateway: TestGateway) {
  const attempts = async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    return Number(/^sse_gateway_kafka_errors_total\{op="metadata"\} (\d+)$/m.exec(text)![1]);
  };
  await until(async () => (await attempts()) >= 5, 'a few attempts have failed');
  const told = gateway.logged
    .filter(({ message }) => message === 'Kafka connection failed')
    .map(({ fields }) => fields as { broker: string; failure: string; check: string | null });
  const { consumer } = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as KafkaStatus;
  expect(JSON.stringify([gateway.logged, consumer])).not.toContain(PASSWORD);
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
  return { told, lastError: consumer.lastError!.message };
}
