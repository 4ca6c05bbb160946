import type { BenchCase } from '../bench-case';
import { accept } from './accept';
import { channels } from './channels';
import { churn } from './churn';
import { drain } from './drain';
import { createFanoutCase } from './fanout';
import { createGatherCase } from './gather';
import { heartbeat } from './heartbeat';
import { ids } from './ids';
import { ingest } from './ingest';
import { memory, memoryOfOwnChannels } from './memory';
import { scrapeCost } from './scrape';
import { createSparseResumeCase } from './sparse-resume';

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
  createFanoutCase({
    name: 'fanout-1000x50',
    about:
      '1,000 streams, 50 events/s: the load of figures that others publish. A pass is over before the next event comes.',
    streams: 1_000,
    eventsPerS: 50,
    targets: [{ subject: 'gateway', figure: 'lost', atMost: 0 }],
  }),
  createGatherCase({
    name: 'gather-100x1k',
    about:
      '1,000 streams, 100 events/s, with FANOUT_GATHER_MS=0 (each event is a write to each stream) and with auto, which ' +
      'lets events wait for each other while fan-out takes more than a third of the time.',
    streams: 1_000,
    eventsPerS: 100,
    subjects: ['gather 0', 'gather auto'],
    targets: [
      { subject: 'gather auto', figure: 'cpuUs', atMost: 4.5 },
      { subject: 'gather auto', figure: 'cores', atMost: 0.46 },
      { subject: 'gather auto', figure: 'p99Ms', atMost: 45 },
      { subject: 'gather auto', figure: 'lost', atMost: 0 },
    ],
  }),
  createGatherCase({
    name: 'gather-20x10k',
    about: '10,000 streams, 20 events/s, with FANOUT_GATHER_MS=0 and with 100.',
    streams: 10_000,
    eventsPerS: 20,
    subjects: ['gather 0', 'gather 100'],
    targets: [
      { subject: 'gather 100', figure: 'cpuOf0', atMost: 0.55 },
      { subject: 'gather 100', figure: 'lost', atMost: 0 },
    ],
  }),
  memory,
  memoryOfOwnChannels,
  accept,
  channels,
  drain,
  ...[1, 12].flatMap((partitions) =>
    [200_000, 800_000].map((records) =>
      createSparseResumeCase({
        name: `sparse-resume-${partitions}x${records / 1_000}k`,
        about:
          `1,000 clients, each on one of ${(records / 40).toLocaleString('en')} channels, resume at once over ` +
          `${records.toLocaleString('en')} records of a topic with ${partitions} partition${partitions === 1 ? '' : 's'}, 40 of them ` +
          'on each channel, all older than the ring: time until the last has `gateway.live`; until one client alone has it, ' +
          'at the same gateway started again; the same records read once by a process that does nothing else; and delays of ' +
          '50 events/s to 100 other streams, meanwhile and before.',
        partitions,
        records,
        channels: records / 40,
        clients: 1_000,
        ringRecords: 5_000,
        targets: [
          records === 200_000
            ? { subject: 'gateway', figure: 'liveS', atMost: 2 }
            : { subject: 'gateway', figure: 'readings', atMost: 1.5 },
          { subject: 'gateway', figure: 'othersP99Ms', atMost: 100 },
        ],
      }),
    ),
  ),
  createSparseResumeCase({
    name: 'sparse-resume-ring',
    about:
      '4,000 clients, each on one of 5,000 channels, resume at once over 90,000 records of a topic with one partition, ' +
      'all in the ring. The rest is as in the other cases.',
    partitions: 1,
    records: 90_000,
    channels: 5_000,
    clients: 4_000,
    ringRecords: null,
    targets: [
      { subject: 'gateway', figure: 'liveS', atMost: 1 },
      { subject: 'gateway', figure: 'othersP99Ms', atMost: 60 },
    ],
  }),
  ids,
  ingest,
  scrapeCost,
  heartbeat,
  churn,
];
