import { type BenchCase, ratioTo } from '../bench-case';
import { FANOUT_COLUMNS, type FanoutOptions, measureFanout } from './fanout';

export interface GatherOptions extends FanoutOptions {
  /** `gather <FANOUT_GATHER_MS>`, each; the first one is what the others are compared with. */
  readonly subjects: readonly ['gather 0', ...string[]];
}

/** What it saves, and what it costs in time, that events wait for each other. */
export function createGatherCase({ streams, eventsPerS, ...options }: GatherOptions): BenchCase {
  return {
    ...options,
    columns: [...FANOUT_COLUMNS, { name: 'cpuOf0', title: 'CPU × gather 0', digits: 2 }],
    measure: (subject, context) =>
      measureFanout(context, {
        server: 'gateway',
        streams: context.scaled(streams),
        eventsPerS,
        env: { FANOUT_GATHER_MS: subject.replace('gather ', '') },
      }),
    compare: ratioTo('gather 0', 'cpuUs', 'cpuOf0'),
  };
}
