import type { BenchCase } from '../bench-case';
import { accept } from './accept';
import { channels } from './channels';
import { churn } from './churn';
import { drain } from './drain';
import { createFanoutCase } from './fanout';
import { heartbeat } from './heartbeat';
import { ingest } from './ingest';
import { memory } from './memory';
import { scrapeCost } from './scrape';

/** In the order in which they run. */
export const ALL_CASES: readonly BenchCase[] = [
  createFanoutCase({
    name: 'fanout-1x10k',
    about: '10,000 streams, 1 event/s: each event is a write to each stream, so this is what a write costs.',
    streams: 10_000,
    eventsPerS: 1,
    targets: [
      { subject: 'gateway', figure: 'floors', atMost: 1.5 },
      { subject: 'gateway', figure: 'lost', atMost: 0 },
    ],
  }),
  createFanoutCase({
    name: 'fanout-1000x1k',
    about:
      '1,000 streams, 1,000 events/s: a million deliveries a second, which only writes of many events can make.',
    streams: 1_000,
    eventsPerS: 1_000,
    targets: [
      { subject: 'gateway', figure: 'deliveredShare', atLeast: 0.995 },
      { subject: 'gateway', figure: 'p99Ms', atMost: 50 },
      { subject: 'gateway', figure: 'cores', atMost: 1 },
      { subject: 'gateway', figure: 'lost', atMost: 0 },
    ],
  }),
  createFanoutCase({
    name: 'fanout-20x10k',
    about:
      '10,000 streams, 20 events/s: more than single writes can do. A pass is how long one event takes to all streams.',
    streams: 10_000,
    eventsPerS: 20,
    targets: [
      { subject: 'gateway', figure: 'p99Passes', atMost: 2.5 },
      { subject: 'gateway', figure: 'lost', atMost: 0 },
    ],
  }),
  memory,
  accept,
  channels,
  drain,
  ingest,
  scrapeCost,
  heartbeat,
  churn,
];
