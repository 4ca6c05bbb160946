import { setClientQuota } from '../support/client-quota';
import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { scrape } from '../support/metrics';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

jest.setTimeout(120_000);

const RATE = 20_000;
const RECORDS = 400;
const RECORD_BYTES = 1_000;
const ARRIVAL_MS = 60_000;

interface KafkaStatus {
  readonly producer: { readonly throttledUntil: string | null };
  readonly consumer: { readonly throttledUntil: string | null; readonly connected: boolean };
}

/** A broker that enforces a quota answers at once and then reads nothing for a while: that counted as silence. */
describe('a consumer quota', () => {
  const kafka = useBroker();

  it('slows reading down and interrupts nothing; the pauses are shown and counted', async () => {
    const gateway = await startGateway({ EVENT_LOG: 'kafka', KAFKA_BROKERS: kafka.bootstrap.join() });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready');
    const client = await openStream(`${gateway.url}/events`);
    await setClientQuota(kafka.bootstrap[0]!, {
      clientId: 'kafka-sse-gateway',
      quota: 'consumer_byte_rate',
      rate: RATE,
    });
    for (let i = 0; i < RECORDS; i++) {
      const body = `${i} `.padEnd(RECORD_BYTES, 'x');
      const { status } = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body });
      expect(status).toBe(202);
    }

    const ready: number[] = [];
    let longestMs = 0;
    await until(
      async () => {
        ready.push((await fetch(`${gateway.url}/readyz`)).status);
        const { consumer } = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as KafkaStatus;
        if (consumer.throttledUntil !== null)
          longestMs = Math.max(longestMs, Date.parse(consumer.throttledUntil) - Date.now());
        return client.events.length >= RECORDS;
      },
      'all records have arrived',
      ARRIVAL_MS,
    );
    expect(client.events.map(({ data }) => Number.parseInt(data, 10))).toEqual([...Array(RECORDS).keys()]);
    expect(ready.length).toBeGreaterThan(10);
    expect(ready.filter((status) => status !== 200)).toEqual([]);
    // Longer than what counts as silence, so that this test can fail.
    expect(longestMs).toBeGreaterThan(3_000);
    const pausedSeconds = (await scrape(gateway.url)).get('kafka_throttled_seconds_total{op="fetch"}');
    expect(pausedSeconds).toBeGreaterThan(3);
  });
});

describe('a producer quota', () => {
  const kafka = useBroker();

  it('slows posts down: each is either stored with a 202, or rejected and not stored', async () => {
    const gateway = await startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: kafka.bootstrap.join(),
      KAFKA_PRODUCE_DEADLINE_MS: '1000',
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready');
    const client = await openStream(`${gateway.url}/events`);
    await setClientQuota(kafka.bootstrap[0]!, {
      clientId: 'kafka-sse-gateway',
      quota: 'producer_byte_rate',
      rate: RATE,
    });

    const stored: string[] = [];
    const codes = new Set<string>();
    let sent = 0;
    let longestMs = 0;
    const ready = new Set<number>();
    const post = async () => {
      const name = `${sent++}`;
      const body = `${name} `.padEnd(RECORD_BYTES, 'x');
      const res = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body });
      if (res.status === 202) stored.push(name);
      else codes.add(((await res.json()) as { code: string }).code);
    };
    await until(
      async () => {
        await Promise.all(Array.from({ length: 20 }, post));
        ready.add((await fetch(`${gateway.url}/readyz`)).status);
        const { producer } = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as KafkaStatus;
        if (producer.throttledUntil !== null)
          longestMs = Math.max(longestMs, Date.parse(producer.throttledUntil) - Date.now());
        return codes.size > 0 && stored.length > RECORDS;
      },
      'some were stored and some were not',
      ARRIVAL_MS,
    );
    expect([...codes]).toEqual(['log-unavailable']);
    expect([...ready]).toEqual([200]);
    expect(longestMs).toBeGreaterThan(1_000);
    await client.until(({ events }) => events.length >= stored.length);
    const received = client.events.map(({ data }) => data.split(' ')[0]!);
    expect(received.sort()).toEqual(stored.sort());
  });
});
