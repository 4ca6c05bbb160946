import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';
import { startChild } from '../../infra/local/supervised-child';
import { type BenchCase, type BenchContext, type Figures, ratioTo } from '../bench-case';
import { runPostLoad } from '../post-load';
import { STOP_DEADLINE_MS } from '../servers/server';

const DATA_BYTES = 64;
const CONNECTIONS = 64;
const BATCH_EVENTS = 500;
const BATCHES_AT_A_TIME = 8;

const BROADCAST = 'POST /broadcast';
const BATCH = 'POST /events';
const APPENDER = 'bare appender';

export const ingest: BenchCase = {
  name: 'ingest',
  about:
    'Events stored each second in a real broker (acks −1), 64 bytes each: one a post from 64 keep-alive connections, posts of ' +
    '500 from 8, and the same 500 from 8 callers to the gateway’s appender alone, without HTTP and without reading them ' +
    'back. The poster runs in the benchmark’s own process, the broker on the same machine.',
  subjects: [BROADCAST, BATCH, APPENDER],
  columns: [
    { name: 'eventsPerS', title: 'events/s', digits: 0 },
    { name: 'appenders', title: '× appender', digits: 2 },
    { name: 'p50Ms', title: 'p50 ms', digits: 1 },
    { name: 'p99Ms', title: 'p99 ms', digits: 1 },
    { name: 'refused', title: 'refused', digits: 0 },
  ],
  targets: [{ subject: BATCH, figure: 'appenders', atLeast: 0.8 }],
  needsKafka: true,
  measure: (subject, context) => {
    if (subject === APPENDER) return append(context);
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
  return context.withServer({ name: 'gateway' }, async ({ port }) => {
    const { warmupSeconds, seconds } = context;
    const contentType = events === 1 ? 'text/plain' : 'application/json';
    const { postsPerS, ...figures } = await runPostLoad({
      port,
      contentType,
      warmupSeconds,
      seconds,
      ...load,
    });
    return { eventsPerS: postsPerS * events, ...figures };
  });
}

async function append({ node, broker, warmupSeconds, seconds }: BenchContext): Promise<Figures> {
  let figures: Record<'recordsPerS' | 'refused', number> | null = null;
  const child = startChild({
    name: APPENDER,
    command: node,
    args: [
      join(repositoryRoot(), 'dist/bench/append-process.js'),
      ...[BATCH_EVENTS, BATCHES_AT_A_TIME, DATA_BYTES, warmupSeconds, seconds].map(String),
    ],
    env: { ...process.env, NODE_ENV: 'production', KAFKA_BROKERS: broker!.bootstrap.join(',') },
    onLine: (line) => {
      if (line.startsWith('{"recordsPerS"')) figures = JSON.parse(line);
    },
  });
  try {
    await child.exited;
  } finally {
    await child.stop({ deadlineMs: STOP_DEADLINE_MS });
  }
  if (figures === null) throw new Error(`the appender ended without figures:\n${child.lastLines()}`);
  const { recordsPerS, refused } = figures as Record<'recordsPerS' | 'refused', number>;
  return { eventsPerS: recordsPerS, refused };
}
