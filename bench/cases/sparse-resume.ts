import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import type { BenchCase, BenchContext, Figures, Target } from '../bench-case';
import { createDeferred } from '../deferred';
import { type Live, type LoadClient, withLoad } from '../load-client';
import { runMeasuringProcess } from '../measuring-process';
import { type BatchPoster, createBatchPoster } from '../post-batches';
import { startPublisher } from '../publisher';
import type { BenchServer, ServerName } from '../servers/server';
import { createWallClock } from '../wall-clock';

export interface SparseResumeOptions {
  readonly name: string;
  readonly about: string;
  readonly partitions: number;
  /** Records after the id from which the clients resume. */
  readonly records: number;
  /** Channels of these records, which have equally many. */
  readonly channels: number;
  /** Clients, each on a channel of its own. */
  readonly clients: number;
  /** `RING_RECORDS`; null: the ring holds all records. */
  readonly ringRecords: number | null;
  /** There are no other streams, for a run that only asks for processor time. */
  readonly isAlone?: true;
  readonly targets: readonly Target[];
}

const BATCH_RECORDS = 1_000;
const DATA_BYTES = 80;
/** Prime, so that it has no factor in common with the channels: records of a batch are on channels far from each other. */
const CHANNEL_STRIDE = 1_237;
/** Records before the id, so that each partition has some. */
const FIRST_RECORDS = 240;
const OTHER_STREAMS = 100;
const OTHER_EVENTS_PER_S = 50;
const AT_ONCE_PER_S = 1_000_000;
const LIVE_DEADLINE_MS = 150_000;
/** After the last `gateway.live`, for the others' events that were made before it. */
const LATE_MS = 500;
/** The default holds some 87,000 of these records. */
const LARGE_RING_BYTES = 128 << 20;
const MS_PER_S = 1_000;

let topicsMade = 0;

/** Clients on channels of their own that were away: when they have caught up, and what it costs the others. */
export function createSparseResumeCase({ targets, name, about, ...sizes }: SparseResumeOptions): BenchCase {
  return {
    name,
    about,
    subjects: ['gateway', 'baseline'],
    columns: [
      { name: 'liveS', title: 'all live, s', digits: 2 },
      { name: 'liveP50S', title: 'p50 s', digits: 2 },
      { name: 'aloneS', title: 'one client alone, s', digits: 2 },
      { name: 'readS', title: 'reading the log, s', digits: 2 },
      { name: 'readings', title: '× reading', digits: 2 },
      { name: 'cpuS', title: 'CPU s', digits: 2 },
      { name: 'aloneCpuS', title: 'alone CPU s', digits: 2 },
      { name: 'othersP99Ms', title: 'others p99 ms', digits: 1 },
      { name: 'othersMaxMs', title: 'max ms', digits: 1 },
      { name: 'calmP99Ms', title: 'calm p99 ms', digits: 1 },
      { name: 'replayed', title: 'events each', digits: 0 },
      { name: 'lost', title: 'lost', digits: 0 },
      { name: 'bytesEach', title: 'bytes each', digits: 0 },
      { name: 'fillPerS', title: 'published/s', digits: 0 },
    ],
    targets: [...targets, { subject: 'gateway', figure: 'lost', atMost: 0 }],
    needsKafka: true,
    measure: (subject, context) => measureSparseResume(context, subject as ServerName, sizes),
  };
}

type Sizes = Omit<SparseResumeOptions, 'name' | 'about' | 'targets'>;

export async function measureSparseResume(
  context: BenchContext,
  name: ServerName,
  { partitions, ringRecords, isAlone, ...sizes }: Sizes,
): Promise<Figures> {
  const clients = context.scaled(sizes.clients);
  const channels = context.scaled(sizes.channels);
  const eachChannel = Math.max(1, Math.round(context.scaled(sizes.records) / channels));
  const topic = `sparse-${process.pid}-${++topicsMade}`;
  const env: Record<string, string> = {
    KAFKA_TOPICS: topic,
    KAFKA_CREATE_TOPICS: topic,
    KAFKA_TOPIC_PARTITIONS: String(partitions),
    ...(ringRecords === null
      ? { RING_BYTES: String(LARGE_RING_BYTES) }
      : { RING_RECORDS: String(context.scaled(ringRecords)) }),
  };
  const directory = await mkdtemp(join(tmpdir(), 'sparse-resume-'));
  const pathsFile = join(directory, 'paths');
  try {
    const resumed = await context.withServer({ name, env }, async (server) => {
      const poster = createBatchPoster(server.port);
      try {
        const id = await firstId(server, poster);
        const startMs = performance.now();
        await fill(poster, channels, channels * eachChannel);
        const fillPerS = (channels * eachChannel * MS_PER_S) / (performance.now() - startMs);
        const step = Math.floor(channels / clients);
        const paths = Array.from(
          { length: clients },
          (_, client) => `/events?channel=/c/${client * step}&lastEventId=${encodeURIComponent(id)}`,
        );
        await writeFile(pathsFile, paths.join('\n'));
        const resume = () =>
          withLoad(server, { pathsFile, streams: clients, connectPerS: AT_ONCE_PER_S }, liveInTime);
        if (isAlone) return { fillPerS, live: await resume() };
        return { fillPerS, ...(await besideOthers(context, server, resume)) };
      } finally {
        await poster.close();
      }
    });
    const { live, ...figures } = resumed;
    const lost = clients * eachChannel - live.events + live.gaps + live.repeats;
    const own = { ...figures, liveS: live.seconds, cpuS: live.serverCpuS, lost };
    // A memory log is gone with its gateway.
    if (context.broker === null) return own;
    const alone = await context.withServer({ name, env }, (server) =>
      withLoad(server, { pathsFile, streams: 1 }, liveInTime),
    );
    const { readS } = await runMeasuringProcess({
      name: 'read-process',
      node: context.node,
      env: { ...env, KAFKA_BROKERS: context.broker.bootstrap.join(',') },
    });
    return {
      ...own,
      liveP50S: live.p50Ms / MS_PER_S,
      aloneS: alone.seconds,
      aloneCpuS: alone.serverCpuS,
      readS: readS!,
      readings: live.seconds / readS!,
      replayed: live.events / clients,
      bytesEach: live.bytes / live.events,
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Publishes some records, and returns the id that a stream has after them. */
async function firstId({ port }: BenchServer, poster: BatchPoster): Promise<string> {
  const aborting = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/events`, { signal: aborting.signal });
  const found = createDeferred<string>();
  let seen = 0;
  const decoder = createFrameDecoder({
    onEvent: ({ event, lastEventId }) => {
      if (event === 'message' && ++seen === FIRST_RECORDS) found.resolve(lastEventId);
    },
  });
  const reading = (async () => {
    const text = new TextDecoder();
    for await (const bytes of response.body!) decoder.push(text.decode(bytes, { stream: true }));
  })();
  reading.catch((error: Error) => found.reject(error));
  await poster.post(
    Array.from({ length: FIRST_RECORDS }, (_, index) => ({ channel: `/first/${index}`, data: 'x' })),
  );
  const id = await found.promise;
  aborting.abort();
  return id;
}

/** Data is as a publisher makes it, with the number of the record on its channel. */
async function fill(poster: BatchPoster, channels: number, records: number): Promise<void> {
  const wallClock = createWallClock();
  for (let made = 0; made < records; made += BATCH_RECORDS) {
    const events = Array.from({ length: Math.min(BATCH_RECORDS, records - made) }, (_, index) => {
      const number = made + index;
      const data = `${Math.floor(number / channels)} ${wallClock()} `.padEnd(DATA_BYTES, 'x');
      return { channel: `/c/${(number * CHANNEL_STRIDE) % channels}`, data };
    });
    await poster.post(events);
  }
}

/** Delays of events to others before and while clients resume. */
async function besideOthers(
  { warmupSeconds, seconds }: BenchContext,
  server: BenchServer,
  resume: () => Promise<Live>,
) {
  return withLoad(server, { streams: OTHER_STREAMS, path: '/events?channel=/live' }, async (others) => {
    await others.measuring;
    const poster = createBatchPoster(server.port);
    const publisher = startPublisher({
      eventsPerS: OTHER_EVENTS_PER_S,
      dataBytes: DATA_BYTES,
      inlet: {
        send: (data) => poster.post(data.map((text) => ({ channel: '/live', data: text }))),
        close: poster.close,
      },
    });
    try {
      await pause(warmupSeconds * MS_PER_S);
      await others.window();
      await pause(seconds * MS_PER_S);
      const calm = await others.window();
      const live = await resume();
      await pause(LATE_MS);
      const busy = await others.window();
      return {
        live,
        othersP99Ms: busy.p99Ms,
        othersMaxMs: busy.maxMs,
        calmP99Ms: calm.p99Ms,
      };
    } finally {
      await publisher.stop();
    }
  });
}

async function liveInTime({ live }: LoadClient): Promise<Live> {
  const late = new AbortController();
  const deadline = pause(LIVE_DEADLINE_MS, null, { signal: late.signal }).catch(() => null);
  const found = await Promise.race([live, deadline]);
  late.abort();
  if (found === null) throw new Error(`not every stream was live after ${LIVE_DEADLINE_MS / MS_PER_S} s`);
  return found;
}
