import fc from 'fast-check';
import type { LogEntry } from './array-log';
import type { Answer } from './gateway-log';
import { type GatewaySettings, ROOMY } from './model-gateway';
import type { ModelStart, ModelSubscription } from './subscription-model';

/** One step of a run. Numbers choose among what there is, so that any list of steps is valid. */
export type Step =
  | { do: 'append'; partition: number; entries: readonly LogEntry[] }
  | { do: 'deliver'; gateway: number; partition: number; count: number }
  | { do: 'answer'; gateway: number; question: number; how: Answer | 'fail' }
  | {
      do: 'connect';
      client: number;
      gateway: number;
      with: 'last id' | 'older id' | 'other id';
      which: number;
    }
  | { do: 'move'; client: number; gateway: number }
  /** A gateway reads to the end, and its clients move to another one, where they are ahead. */
  | { do: 'overtake'; gateway: number; to: number }
  | { do: 'disconnect'; client: number; taken: number }
  | { do: 'stall'; client: number }
  | { do: 'flow'; client: number }
  | { do: 'take'; client: number; bytes: number }
  | { do: 'trim'; partition: number; count: number }
  | { do: 'compact'; partition: number; offset: number }
  /** `abandon`: all live clients leave the gateway. */
  | { do: 'announce' | 'discover' | 'beat' | 'abandon'; gateway: number }
  | { do: 'grow' }
  | { do: 'turn'; turns: number };

export interface Interleaving {
  readonly partitions: number;
  readonly gateways: readonly GatewaySettings[];
  readonly clients: readonly { subscription: ModelSubscription; start: ModelStart }[];
  readonly steps: readonly Step[];
}

const CHANNELS = ['/', '/a', '/a/x', '/a/y', '/b', '/c'];
const any = fc.nat(1_000);
const channels = fc.constantFrom(
  ['/'],
  ['/'],
  ['/'],
  ['/a'],
  ['/a/x', '/b'],
  ['/a', '/a/x', '/c'],
  ['/nothing'],
);

const entry: fc.Arbitrary<LogEntry> = fc.record({
  kind: fc.constantFrom<LogEntry['kind'][]>('record', 'record', 'record', 'record', 'hole', 'hole', 'bad'),
  channel: fc.constantFrom(...CHANNELS),
  event: fc.constantFrom(null, null, 'x', 'y'),
});

function weighted(weights: readonly [number, fc.Arbitrary<Step>][]): fc.Arbitrary<Step> {
  return fc.oneof(...weights.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

const does = <const T extends string>(...names: T[]) => fc.constantFrom(...names);

const step = weighted([
  [
    28,
    fc.record({
      do: does('append'),
      partition: any,
      entries: fc.array(entry, { minLength: 1, maxLength: 6 }),
    }),
  ],
  [
    40,
    fc.record({ do: does('deliver'), gateway: any, partition: any, count: fc.integer({ min: 1, max: 6 }) }),
  ],
  [
    20,
    fc.record({
      do: does('answer'),
      gateway: any,
      question: any,
      how: fc.constantFrom('now', 'now', 'stale', 'behind', 'fail'),
    }),
  ],
  [
    20,
    fc.record({
      do: does('connect'),
      client: any,
      gateway: any,
      with: fc.constantFrom('last id', 'last id', 'last id', 'older id', 'other id'),
      which: any,
    }),
  ],
  [8, fc.record({ do: does('move'), client: any, gateway: any })],
  [5, fc.record({ do: does('overtake'), gateway: any, to: any })],
  [8, fc.record({ do: does('disconnect'), client: any, taken: fc.nat(400) })],
  [18, fc.record({ do: does('stall', 'flow', 'flow'), client: any })],
  [6, fc.record({ do: does('take'), client: any, bytes: fc.nat(200) })],
  [4, fc.record({ do: does('trim'), partition: any, count: fc.integer({ min: 1, max: 12 }) })],
  [2, fc.record({ do: does('compact'), partition: any, offset: any })],
  [10, fc.record({ do: does('announce', 'discover', 'beat', 'beat', 'abandon'), gateway: any })],
  [1, fc.record({ do: does('grow') })],
  [36, fc.record({ do: does('turn'), turns: fc.integer({ min: 1, max: 3 }) })],
] as [number, fc.Arbitrary<Step>][]);

const settings: fc.Arbitrary<GatewaySettings> = fc.record({
  ringRecords: fc.constantFrom(2, 5, 12, 40, 1_000),
  warmRecords: fc.constantFrom(0, 3, 100),
  sliceBytes: fc.constantFrom(1, 150, 600),
  writesPerTurn: fc.constantFrom(1, 2, 5, 100),
  maxClientBufferBytes: fc.constantFrom(0, 100, 400),
  chunkBytes: fc.constantFrom(10, 30, 100),
  cacheBytes: fc.constantFrom(1, 1_000, 100_000),
  cacheMs: fc.constantFrom(0, 60_000, 60_000, 60_000),
  replayRecords: fc.constantFrom(1, 5, 1_000, 1_000),
  readers: fc.constantFrom(1, 2),
  replayMs: fc.constant(60_000),
  bases: fc.constant(ROOMY.bases),
});

const client = fc.record({
  subscription: fc
    .record({
      channels,
      events: fc.constantFrom(null, null, ['x'], ['message', 'y']),
      meta: fc.constantFrom(false, false, false, true),
      isSse: fc.constantFrom(false, false, true),
    })
    .map((subscription) => (subscription.isSse ? { ...subscription, channels: ['/'] } : subscription)),
  start: fc.oneof(
    { weight: 4, arbitrary: fc.constant<ModelStart>({ from: 'now' }) },
    { weight: 1, arbitrary: fc.constant<ModelStart>({ from: 'earliest' }) },
    {
      weight: 1,
      arbitrary: fc.record({ from: fc.constant('last' as const), count: fc.integer({ min: 1, max: 8 }) }),
    },
  ),
});

export const interleaving: fc.Arbitrary<Interleaving> = fc.record({
  partitions: fc.integer({ min: 1, max: 3 }),
  gateways: fc.array(settings, { minLength: 1, maxLength: 3 }),
  clients: fc.array(client, { minLength: 1, maxLength: 8 }),
  steps: fc.array(step, { minLength: 20, maxLength: 160, size: 'max' }),
});
