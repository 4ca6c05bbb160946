import type { Stack } from '../../infra/local/start-stack';
import { createDeliveryCheck, type DeliveryCheck } from './delivery';
import { openEventSource, ownOf, type TestEventSource } from './event-source';
import { type PacedPublisher, startPacedPublisher } from './paced-publisher';
import type { Topic } from './topic';
import { until } from './until';

export interface FaultRunOptions {
  readonly stack: Stack;
  readonly topic: Topic;
  readonly clients: number;
  readonly perSecond: number;
  /** The events go on at least this long. */
  readonly durationMs: number;
  /** Clients come back this many times as fast as browsers. */
  readonly retryDivisor: number;
}

export interface FaultRun {
  readonly sources: readonly TestEventSource[];
  readonly published: PacedPublisher;
  readonly check: DeliveryCheck;
}

const OPEN_MS = 20_000;
const FLOW_MS = 30_000;
const SETTLE_MS = 60_000;

/**
 * Clients through nginx while events flow; each gateway is killed and started again in turn, then the broker. Resolves
 * when every client has everything that the topic has, or rejects when one has not in time.
 */
export async function runFaults(options: FaultRunOptions): Promise<FaultRun> {
  const { stack, topic, clients, perSecond, durationMs, retryDivisor } = options;
  const prefix = 'fault';
  const sources = Array.from({ length: clients }, () =>
    openEventSource(`${stack.url}/sse`, { retryDivisor }),
  );
  await until(() => sources.every(({ isOpen }) => isOpen), 'all clients are connected', OPEN_MS);

  const startMs = performance.now();
  const published = startPacedPublisher(
    stack.gateways.map(({ url }) => url),
    { prefix, perSecond },
  );
  /** Lets the events flow until `share` of the time is over, and anyway some more of them after a fault. */
  const flow = async (what: string, share: number) => {
    const before = published.stored.size;
    const isDue = () => performance.now() - startMs >= durationMs * share;
    await until(
      () => isDue() && published.stored.size >= before + perSecond / 2,
      `events flow ${what}`,
      durationMs * share + FLOW_MS,
    );
  };
  const faults = 2 * (stack.gateways.length + 1);
  let done = 0;
  for (const gateway of stack.gateways) {
    await flow('before a gateway is killed', done++ / faults);
    await gateway.kill('SIGKILL');
    await flow('without a gateway', done++ / faults);
    await gateway.start();
  }
  await flow('before the broker is killed', done++ / faults);
  await stack.broker!.kill();
  await stack.broker!.start();
  await flow('with the broker again', 1);
  await published.stop();

  const check = createDeliveryCheck(await topic.read(), `${prefix}-`);
  await until(
    () => sources.every((source) => check.of(source).missing.length === 0 || source.failure !== null),
    'every client has every event',
    SETTLE_MS,
  );
  // Else what the gateways have still to say about the broker would come into what is done next.
  await until(() => sources.every(isToldThatAllIsWell), 'every client is told that Kafka is back');
  return { sources, published, check };
}

function isToldThatAllIsWell(source: TestEventSource): boolean {
  return (ownOf(source, 'status').at(-1) as { kafka: string } | undefined)?.kafka === 'ok';
}

/** What the run must have shown, and its figures as one line. */
export function judgeFaults({ sources, published, check }: FaultRun): string {
  expect(sources.filter(({ failure }) => failure !== null).map(({ failure }) => failure)).toEqual([]);
  expect(check.doubled).toEqual([]);
  let repeated = 0;
  for (const source of sources) {
    const { repeated: again, ...faults } = check.of(source);
    expect(faults).toEqual({ missing: [], misplaced: [], unknown: [] });
    expect(source.events.filter(({ event }) => /gateway\.(gap|reset)/.test(event))).toEqual([]);
    repeated += again.length;
  }
  const received = new Set(sources[0]!.events.map(({ data }) => data));
  expect([...published.stored.keys()].filter((data) => !received.has(data))).toEqual([]);
  const breaks = sources.reduce((sum, source) => sum + source.breaks, 0);
  // Else nothing was tried; and who loses its gateway is not to be turned away by the others.
  expect(breaks).toBeGreaterThan(sources.length / 2);
  expect(breaks).toBeLessThan(sources.length * 5);
  expect(repeated).toBe(0);
  return (
    `${sources.length} clients, ${published.stored.size} events acknowledged, ${published.uncertain.size} not, ` +
    `${check.count} in the topic; ${breaks} broken connections, 0 events missing, ${repeated} received again`
  );
}
