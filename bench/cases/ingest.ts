import { usageOf } from '../../infra/local/process-usage';
import { type BenchCase, type BenchContext, type Figures, ratioTo } from '../bench-case';
import { runMeasuringProcess } from '../measuring-process';
import { runPostLoad } from '../post-load';

const DATA_BYTES = 64;
const CONNECTIONS = 64;
const BATCH_EVENTS = 500;
const BATCHES_AT_A_TIME = 8;

const BROADCAST = 'POST /broadcast';
const BATCH = 'POST /events';
const READING_BACK = 'appender, reading back';
const APPENDER = 'bare appender';
const US_PER_S = 1_000_000;

export const ingest: BenchCase = {
  name: 'ingest',
  about:
    'Events stored each second in a real broker (acks −1), 64 bytes each: one a post from 64 keep-alive connections, posts of ' +
    '500 from 8, and the same 500 from 8 callers to the gateway’s appender alone, without HTTP: once with the tail and the ' +
    'ring that each gateway reads its topic back into, once without. The poster runs in the benchmark’s own process, the ' +
    'broker on the same machine. CPU is the processor time of the gateway’s or appender’s process for each event.',
  subjects: [BROADCAST, BATCH, READING_BACK, APPENDER],
  columns: [
    { name: 'eventsPerS', title: 'events/s', digits: 0 },
    { name: 'appenders', title: '× appender', digits: 2 },
    { name: 'cpuUs', title: 'CPU µs each', digits: 1 },
    { name: 'p50Ms', title: 'p50 ms', digits: 1 },
    { name: 'p99Ms', title: 'p99 ms', digits: 1 },
    { name: 'refused', title: 'refused', digits: 0 },
  ],
  targets: [{ subject: BATCH, figure: 'appenders', atLeast: 0.8 }],
  needsKafka: true,
  measure: (subject, context) => {
    if (subject === APPENDER) return append(context, { readBack: false });
    if (subject === READING_BACK) return append(context, { readBack: true });
    const data = 'x'.repeat(DATA_BYTES);
    return subject === BROADCAST
      ? post(context, { path: '/broadcast', body: data, connections: CONNECTIONS, events: 1 })
      : post(context, {
          path: '/events',
          body: JSON.stringify(Array.from({ length: BATCH_EVENTS }, () => ({ data }))),
          connections: BATCHES_AT_A_TIME,
          events: BATCH_EVENTS,
        });
  },
  compare: ratioTo(APPENDER, 'eventsPerS', 'appenders'),
};

function post(
  context: BenchContext,
  { events, ...load }: { path: string; body: string; connections: number; events: number },
): Promise<Figures> {
  return context.withServer({ name: 'gateway' }, async ({ port, pid }) => {
    const { warmupSeconds, seconds } = context;
    const contentType = events === 1 ? 'text/plain' : 'application/json';
    const { postsPerS, cores, ...figures } = await runPostLoad({
      port,
      cpuSeconds: () => usageOf(pid).cpuSeconds,
      contentType,
      warmupSeconds,
      seconds,
      ...load,
    });
    const eventsPerS = postsPerS * events;
    return { eventsPerS, cpuUs: (cores * US_PER_S) / eventsPerS, ...figures };
  });
}

function append({ node, broker, warmupSeconds, seconds }: BenchContext, { readBack }: { readBack: boolean }) {
  return runMeasuringProcess({
    name: 'append-process',
    node,
    args: [BATCH_EVENTS, BATCHES_AT_A_TIME, DATA_BYTES, warmupSeconds, seconds, Number(readBack)],
    env: { KAFKA_BROKERS: broker!.bootstrap.join(',') },
  });
}
