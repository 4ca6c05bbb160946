import {
  type BenchCase,
  type BenchContext,
  type FigureColumn,
  type Figures,
  ratioTo,
  type Target,
} from '../bench-case';
import { untilAllOpen, withLoad } from '../load-client';
import { SERVER_NAMES, type ServerName } from '../servers/server';

export interface FanoutOptions {
  readonly name: string;
  readonly about: string;
  readonly streams: number;
  readonly eventsPerS: number;
  readonly targets: readonly Target[];
}

const DATA_BYTES = 64;
const US_PER_S = 1_000_000;
const MS_PER_S = 1_000;

/** Of one subject. The cases add what they compare. */
export const FANOUT_COLUMNS: readonly FigureColumn[] = [
  { name: 'deliveredPerS', title: 'deliveries/s', digits: 0 },
  { name: 'deliveredShare', title: 'of expected', digits: 3 },
  { name: 'cpuUs', title: 'CPU µs each', digits: 3 },
  { name: 'userUs', title: 'of it user', digits: 3 },
  { name: 'cores', title: 'cores', digits: 2 },
  { name: 'p50Ms', title: 'p50 ms', digits: 1 },
  { name: 'p99Ms', title: 'p99 ms', digits: 1 },
  { name: 'maxMs', title: 'max ms', digits: 1 },
  { name: 'passMs', title: 'pass ms', digits: 1 },
  { name: 'p99Passes', title: 'p99 in passes', digits: 2 },
  { name: 'lost', title: 'lost', digits: 0 },
  { name: 'bytesEach', title: 'bytes each', digits: 0 },
  { name: 'clientCores', title: 'client cores', digits: 2 },
];

/** N streams of every event at a steady rate: what a delivery costs and how late it is. */
export function createFanoutCase({ streams, eventsPerS, ...options }: FanoutOptions): BenchCase {
  return {
    ...options,
    subjects: SERVER_NAMES,
    columns: [...FANOUT_COLUMNS, { name: 'floors', title: '× floor', digits: 2 }],
    measure: (subject, context) =>
      measureFanout(context, { server: subject as ServerName, streams: context.scaled(streams), eventsPerS }),
    compare: ratioTo('floor', 'cpuUs', 'floors'),
  };
}

export async function measureFanout(
  context: BenchContext,
  {
    server: name,
    streams,
    eventsPerS,
    env = {},
  }: {
    readonly server: ServerName;
    readonly streams: number;
    readonly eventsPerS: number;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Figures> {
  return context.withServer({ name, eventsPerS, dataBytes: DATA_BYTES, env }, (server) => {
    const { seconds, warmupSeconds } = context;
    return withLoad(server, { streams, seconds, warmupMs: warmupSeconds * MS_PER_S }, async (load) => {
      await untilAllOpen(load);
      const publishing = await server.publish();
      const measured = await load.measured;
      const made = await publishing.stop();
      const result = await load.result;
      const expected = streams * eventsPerS * measured.seconds;
      return {
        deliveredPerS: measured.events / measured.seconds,
        deliveredShare: measured.events / expected,
        cpuUs: (measured.serverCpuS * US_PER_S) / measured.events,
        userUs: (measured.serverUserS * US_PER_S) / measured.events,
        cores: measured.serverCpuS / measured.seconds,
        p50Ms: measured.p50Ms,
        p99Ms: measured.p99Ms,
        maxMs: measured.maxMs,
        passMs: measured.spreadMs,
        p99Passes: measured.p99Ms / measured.spreadMs,
        // Over the whole run, warm-up included: lost events, and events out of order.
        lost: made * streams - result.events + result.gaps + result.repeats,
        bytesEach: measured.bytes / measured.events,
        clientCores: measured.clientCpuS / measured.seconds,
      };
    });
  });
}
