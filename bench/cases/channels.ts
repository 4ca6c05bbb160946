import type { BenchCase, BenchContext, Figures } from '../bench-case';
import { untilAllOpen, withLoad } from '../load-client';
import { type BatchPoster, createBatchPoster } from '../post-batches';
import { createProbe, type Probe } from '../probes/probe';
import { quantile } from '../statistics';

const STREAMS = 5_000;
const TRIALS = 10;
/** The first trials run in code that is not compiled yet. */
const WARMUP_TRIALS = 5;

export const channels: BenchCase = {
  name: 'channels-5k',
  about:
    'What one record costs on one channel with 5,000 streams, and what 5,000 records cost, one on each of 5,000 channels ' +
    'with one stream each: from the hub’s first `publish` until the last of the 5,000 deliveries has been handed to its ' +
    'socket, inside the running gateway, medians of 10 trials in turn. The records come as one batch and are encoded in between.',
  subjects: ['gateway'],
  columns: [
    { name: 'oneMs', title: 'one channel, ms', digits: 1 },
    { name: 'manyMs', title: 'as many channels, ms', digits: 1 },
    { name: 'ratio', title: 'ratio', digits: 2 },
    { name: 'oneCpuMs', title: 'one channel, CPU ms', digits: 1 },
    { name: 'manyCpuMs', title: 'as many channels, CPU ms', digits: 1 },
    { name: 'cpuRatio', title: 'CPU ratio', digits: 2 },
  ],
  targets: [{ subject: 'gateway', figure: 'ratio', atMost: 2 }],
  measure: (_, context) => measureChannels(context, context.scaled(STREAMS)),
};

export async function measureChannels(context: BenchContext, streams: number): Promise<Figures> {
  const deliveries = createProbe('deliveries', 'the end of a trial');
  const env = { BENCH_DELIVERIES: String(streams) };
  return context.withServer({ name: 'gateway', broker: null, env, ...deliveries.setup }, (server) =>
    withLoad(server, { streams, path: '/events?channel=/one' }, (shared) =>
      withLoad(server, { streams, path: '/events?channel=/many/%d' }, async (own) => {
        await untilAllOpen(shared);
        await untilAllOpen(own);
        const poster = createBatchPoster(server.port);
        try {
          return await runTrials(poster, deliveries, streams);
        } finally {
          await poster.close();
        }
      }),
    ),
  );
}

async function runTrials(poster: BatchPoster, deliveries: Probe, streams: number): Promise<Figures> {
  const events = {
    one: [{ channel: '/one', data: 'x' }],
    many: Array.from({ length: streams }, (_, index) => ({ channel: `/many/${index}`, data: 'x' })),
  };
  const measured: Record<'one' | 'many', Figures[]> = { one: [], many: [] };
  for (let trial = 0; trial < WARMUP_TRIALS + TRIALS; trial++) {
    for (const kind of ['one', 'many'] as const) {
      await poster.post(events[kind]);
      const figures = await deliveries.figures.next();
      if (trial >= WARMUP_TRIALS) measured[kind].push(figures);
    }
  }
  const median = (kind: 'one' | 'many', figure: string) => {
    const values = measured[kind].map((figures) => figures[figure]!);
    return quantile(values, 0.5);
  };
  const oneMs = median('one', 'wallMs');
  const manyMs = median('many', 'wallMs');
  const oneCpuMs = median('one', 'cpuMs');
  const manyCpuMs = median('many', 'cpuMs');
  return { oneMs, manyMs, ratio: manyMs / oneMs, oneCpuMs, manyCpuMs, cpuRatio: manyCpuMs / oneCpuMs };
}
