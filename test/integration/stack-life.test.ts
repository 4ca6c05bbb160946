import { type Stack, startStack } from '../../infra/local/start-stack';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

interface KafkaStatus {
  consumer: {
    currentAggregation: {
      currentBuffer: number;
      stats: Record<
        'totalEvents' | 'sumOfValues' | 'minValue' | 'maxValue' | 'firstEventTime' | 'lastEventTime',
        number
      >;
    };
  };
}

/** Kafka, gateways and nginx on a busy machine; the first start also downloads Kafka. */
const START_LIMIT_MS = 300_000;

describe('the local stack as a whole', () => {
  const output: string[] = [];
  const reports: string[] = [];
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      gateways: 2,
      tickMs: 100,
      log: (line) => reports.push(line),
      onOutput: (name, line) => output.push(`${name}: ${line}`),
    });
  }, START_LIMIT_MS);

  afterAll(() => stack?.close(), START_LIMIT_MS);

  it(
    'reports a gateway that died, goes on without it, and takes it back',
    async () => {
      const [first] = stack.gateways;
      const { pid } = first!;
      process.kill(pid, 'SIGKILL');
      await until(() => reports.includes('gateway-1 died: SIGKILL'), 'the death is reported');
      for (let i = 0; i < 4; i++) {
        const client = await openStream(`${stack.url}/sse`);
        await client.until(({ events }) => events.length > 0);
      }
      await first!.start();
      expect(first!.pid).not.toBe(pid);
    },
    START_LIMIT_MS,
  );

  it(
    'sums up the ticks, shows the sums as `event: summary`, and what is being summed up in the status',
    async () => {
      const ofAll = await openStream(`${stack.gateways[1]!.url}/sse`);
      const ofChannel = await openStream(`${stack.url}/subscribe/summary`);
      await ofChannel.until(({ events }) => events.length >= 2);
      for (const { event, data } of ofChannel.events) {
        expect(event).toBe('summary');
        const { id, statistics, eventSample } = JSON.parse(data);
        expect(id).toMatch(/^events-topic\.0\.\d+$/);
        expect(eventSample).toHaveLength(5);
        // Ticks are counted up one by one.
        const last: number = eventSample[4].payload.times;
        expect(statistics).toEqual({
          totalEvents: 10,
          sumOfValues: 10 * last - 45,
          averageValue: last - 4.5,
          minValue: last - 9,
          maxValue: last,
        });
        await ofAll.until(({ events }) => events.some((seen) => seen.event === event && seen.data === data));
      }

      for (const { url } of stack.gateways) {
        const current = await until(async () => {
          const { consumer } = (await (await fetch(`${url}/kafka/status`)).json()) as KafkaStatus;
          return consumer.currentAggregation.currentBuffer > 1 ? consumer.currentAggregation : null;
        }, 'a window is open');
        const { totalEvents, sumOfValues, minValue, maxValue, firstEventTime, lastEventTime } = current.stats;
        expect(current).toEqual({
          currentBuffer: totalEvents,
          stats: {
            totalEvents,
            sumOfValues: (totalEvents * (minValue + maxValue)) / 2,
            minValue: maxValue - totalEvents + 1,
            maxValue: expect.any(Number),
            firstEventTime: expect.any(Number),
            lastEventTime: expect.any(Number),
          },
        });
        expect(lastEventTime).toBeGreaterThan(firstEventTime);
        expect(sumOfValues).toBeGreaterThan(0);
      }
    },
    START_LIMIT_MS,
  );

  it(
    'leaves no process and no port behind, and no error in any log',
    async () => {
      const pids = [...stack.gateways, stack.ticker!, ...stack.aggregators, stack.nginx].map(
        ({ pid }) => pid,
      );
      pids.push(stack.broker!.pid());
      await stack.close();
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      for (const { url } of [...stack.gateways, stack.nginx]) {
        await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
      }
      expect(output.filter((line) => /(gateway-\d|ticker|aggregator): .*"level":(50|60)/.test(line))).toEqual(
        [],
      );
    },
    START_LIMIT_MS,
  );
});
