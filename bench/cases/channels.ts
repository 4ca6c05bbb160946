import { createArrivals } from '../arrivals';
import type { BenchCase, BenchContext, Figures } from '../bench-case';
import { startLoad } from '../load-client';
import { createBatchPoster } from '../post-batches';
import { preload, probeFigures } from '../probes/preload';
import { quantile } from '../statistics';

const STREAMS = 5_000;
const TRIALS = 10;
/** The first trials run in code that is not compiled yet. */
const WARMUP_TRIALS = 5;
const FOREVER_S = 3_600;

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
  const trials = createArrivals<Readonly<Record<string, number>>>('the end of a trial');
  const setup = {
    name: 'gateway' as const,
    broker: null,
    nodeArgs: preload('deliveries'),
    env: { BENCH_DELIVERIES: String(streams) },
    onLine: (line: string) => {
      const figures = probeFigures(line, 'deliveries');
      if (figures !== null) trials.add(figures);
    },
  };
  return context.withServer(setup, async ({ port, pid }) => {
    const open = (channel: string) =>
      startLoad({ port, serverPid: pid, streams, path: `/events?channel=${channel}`, seconds: FOREVER_S });
    const loads = [open('/one'), open('/many/%d')];
    const poster = createBatchPoster(port);
    try {
      for (const load of loads) await load.connected;
      const one = [{ channel: '/one', data: 'x' }];
      const many = Array.from({ length: streams }, (_, index) => ({ channel: `/many/${index}`, data: 'x' }));
      const measured: Record<'one' | 'many', Readonly<Record<string, number>>[]> = { one: [], many: [] };
      for (let trial = 0; trial < WARMUP_TRIALS + TRIALS; trial++) {
        for (const [kind, events] of [
          ['one', one],
          ['many', many],
        ] as const) {
          await poster.post(events);
          const figures = await trials.next();
          if (trial >= WARMUP_TRIALS) measured[kind].push(figures);
        }
      }
      const median = (kind: 'one' | 'many', figure: string) =>
        quantile(
          measured[kind].map((figures) => figures[figure]!),
          0.5,
        );
      const oneMs = median('one', 'wallMs');
      const manyMs = median('many', 'wallMs');
      const oneCpuMs = median('one', 'cpuMs');
      const manyCpuMs = median('many', 'cpuMs');
      return { oneMs, manyMs, ratio: manyMs / oneMs, oneCpuMs, manyCpuMs, cpuRatio: manyCpuMs / oneCpuMs };
    } finally {
      poster.close();
      for (const load of loads) await load.kill();
    }
  });
}
