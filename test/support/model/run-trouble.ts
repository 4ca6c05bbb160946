import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { ArrayLog, TOPICS } from './array-log';
import { createReplica, type Replica, type ReplicaSettings, ROOMY } from './replica';
import type { Answer } from './replica-log';
import { ToldClient } from './told-client';

/** One thing that happens. Numbers choose among what there is. */
export type TroubleStep =
  | { do: 'append'; partition: number; count: number; kind: 'record' | 'hole' }
  | { do: 'deliver'; replica: number; partition: number; count: number }
  | { do: 'answer'; replica: number; question: number; how: Answer | 'fail' }
  | { do: 'connect' | 'move'; client: number; replica: number }
  | { do: 'disconnect' | 'take'; client: number; bytes: number }
  | { do: 'stall' | 'flow'; client: number }
  | { do: 'truncate'; partition: number; count: number }
  | { do: 'recreate'; topic: number }
  | { do: 'toggle'; partition: number }
  | { do: 'restart' | 'discover'; replica: number }
  | { do: 'turn'; turns: number };

export interface Trouble {
  readonly partitions: readonly [number, number];
  readonly replicas: readonly Partial<ReplicaSettings>[];
  readonly clients: number;
  readonly steps: readonly TroubleStep[];
}

export interface TroubleSeen {
  resets: number;
  truncations: number;
  recreations: number;
  outages: number;
  reads: number;
}

const any = fc.nat(1_000);
const does = <const T extends string>(...names: T[]) => fc.constantFrom(...names);
const upTo = (max: number) => fc.integer({ min: 1, max });

function weighted(weights: readonly [number, fc.Arbitrary<TroubleStep>][]): fc.Arbitrary<TroubleStep> {
  return fc.oneof(...weights.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

const step = weighted([
  [
    24,
    fc.record({
      do: does('append'),
      partition: any,
      count: upTo(5),
      kind: fc.constantFrom('record', 'record', 'record', 'hole'),
    }),
  ],
  [30, fc.record({ do: does('deliver'), replica: any, partition: any, count: upTo(6) })],
  [
    20,
    fc.record({
      do: does('answer'),
      replica: any,
      question: any,
      how: fc.constantFrom<(Answer | 'fail')[]>('now', 'now', 'now', 'stale', 'fail'),
    }),
  ],
  [20, fc.record({ do: does('connect', 'move'), client: any, replica: any })],
  [8, fc.record({ do: does('disconnect', 'take'), client: any, bytes: fc.nat(300) })],
  [12, fc.record({ do: does('stall', 'flow', 'flow'), client: any })],
  [8, fc.record({ do: does('truncate'), partition: any, count: upTo(4) })],
  [3, fc.record({ do: does('recreate'), topic: any })],
  [8, fc.record({ do: does('toggle'), partition: any })],
  [10, fc.record({ do: does('restart', 'discover', 'discover'), replica: any })],
  [30, fc.record({ do: does('turn'), turns: upTo(3) })],
] as [number, fc.Arbitrary<TroubleStep>][]);

const settings: fc.Arbitrary<Partial<ReplicaSettings>> = fc.record({
  ringRecords: fc.constantFrom(2, 5, 12, 1_000),
  warmRecords: fc.constantFrom(1, 3, 100),
  sliceBytes: fc.constantFrom(1, 150, 600),
  writesPerTurn: fc.constantFrom(1, 2, 100),
  maxClientBufferBytes: fc.constantFrom(0, 100, 400),
  chunkBytes: fc.constantFrom(10, 30, 100),
  readers: fc.constantFrom(1, 2),
});

export const trouble: fc.Arbitrary<Trouble> = fc.record({
  partitions: fc.tuple(upTo(2), upTo(2)),
  replicas: fc.array(settings, { minLength: 1, maxLength: 2 }),
  clients: upTo(4),
  steps: fc.array(step, { minLength: 20, maxLength: 140, size: 'max' }),
});

const QUIET_TURNS = 6;
/** Timers are a millisecond or two here: whoever makes no progress for so long and so many turns will not make any. */
const STUCK_MS = 50;
const STUCK_TURNS = 200;
/** Far more rounds than there is to do. */
const MAX_ROUNDS = 5_000;

/** Runs it against the real rooms, lets everything come to rest, and answers what was wrong. */
export async function runTrouble(it: Trouble): Promise<{ faults: readonly string[]; seen: TroubleSeen }> {
  const faults: string[] = [];
  const log = new ArrayLog(...it.partitions);
  const open = (own: Partial<ReplicaSettings>): Replica =>
    createReplica(log, { ...ROOMY, ...own }, (fault) => {
      faults.push(fault instanceof Error ? fault.stack! : String(fault));
    });
  const replicas = it.replicas.map(open);
  const clients = Array.from({ length: it.clients }, (_, i) => new ToldClient(`client ${i}`, log, faults));
  const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;
  const seen: TroubleSeen = { resets: 0, truncations: 0, recreations: 0, outages: 0, reads: 0 };

  function truncate(flat: number, count: number): void {
    const { entries } = log.partitions[flat]!;
    // What is lost before it was read leaves no trace: its replica waits for as much as it was told of at its start.
    if (entries.length === 0 || replicas.some(({ ids }) => ids.layout() === null)) return;
    log.truncate(flat, count);
    seen.truncations++;
    for (const client of clients) client.lost(flat, entries.length);
  }

  function apply(one: TroubleStep): void {
    switch (one.do) {
      case 'append':
        for (let i = 0; i < one.count; i++)
          log.append(one.partition % log.partitions.length, { kind: one.kind, channel: '/', event: null });
        break;
      case 'deliver':
        pick(replicas, one.replica).log.deliver(one.partition % log.partitions.length, one.count);
        break;
      case 'answer': {
        const { questions } = pick(replicas, one.replica).log;
        if (questions.length === 0) break;
        const question = pick(questions, one.question);
        if (one.how === 'fail') question.fail();
        else question.answer(one.how);
        break;
      }
      case 'connect': {
        const client = pick(clients, one.client);
        if (client.socket === null) client.connect(pick(replicas, one.replica));
        break;
      }
      case 'move': {
        const client = pick(clients, one.client);
        client.socket?.flow();
        client.leave();
        client.connect(pick(replicas, one.replica));
        break;
      }
      case 'disconnect':
        pick(clients, one.client).leave(one.bytes);
        break;
      case 'take':
        pick(clients, one.client).socket?.take(one.bytes);
        break;
      case 'stall':
      case 'flow': {
        const { socket } = pick(clients, one.client);
        if (socket === null || socket.destroyed) break;
        if (one.do === 'stall') socket.isStalled = true;
        else socket.flow();
        break;
      }
      case 'truncate':
        truncate(one.partition % log.partitions.length, one.count);
        break;
      case 'recreate':
        log.recreate(pick(TOPICS, one.topic));
        seen.recreations++;
        break;
      case 'toggle':
        log.toggle(one.partition % log.partitions.length);
        for (const client of clients) client.wentDown(one.partition % log.partitions.length);
        seen.outages++;
        break;
      case 'restart': {
        const index = one.replica % replicas.length;
        const old = replicas[index]!;
        for (const client of clients) if (client.replica === old) client.leave();
        seen.reads += old.history.stats().reads;
        old.close();
        replicas[index] = open(pick(it.replicas, index));
        break;
      }
      case 'discover':
        pick(replicas, one.replica).log.discover();
        break;
      case 'turn':
    }
  }

  /** Everything is up, everyone is back, the log answers. True when there was nothing left to do. */
  function settleOnce(): boolean {
    let isQuiet = true;
    for (const [flat, { isDown }] of log.partitions.entries()) if (isDown) log.toggle(flat);
    for (const { log: own } of replicas) {
      own.discover();
      for (const flat of log.partitions.keys()) if (own.deliver(flat, 10)) isQuiet = false;
      for (const question of [...own.questions]) {
        question.answer('now');
        isQuiet = false;
      }
    }
    for (const [i, client] of clients.entries()) {
      if (client.socket?.destroyed) client.leave();
      if (client.socket === null) client.connect(pick(replicas, i));
      else client.socket.flow();
      if (!client.isDone) isQuiet = false;
    }
    return isQuiet;
  }

  for (const one of it.steps) {
    apply(one);
    if (one.do === 'turn') for (let i = 0; i < one.turns; i++) await turn();
    if (faults.length > 0) break;
  }
  let progress = '';
  let since = { round: 0, atMs: performance.now() };
  for (let quiet = 0, round = 0; faults.length === 0 && quiet < QUIET_TURNS; round++) {
    quiet = settleOnce() ? quiet + 1 : 0;
    await turn();
    const now = clients.join();
    if (now !== progress) since = { round, atMs: performance.now() };
    progress = now;
    const isStuck = round - since.round > STUCK_TURNS && performance.now() - since.atMs > STUCK_MS;
    if (round < MAX_ROUNDS && !isStuck) continue;
    for (const client of clients) faults.push(`not at rest: ${client}`, ...client.missing());
  }
  for (const client of clients) {
    seen.resets += client.resets;
    client.leave();
  }
  for (const replica of replicas) {
    seen.reads += replica.history.stats().reads;
    replica.close();
  }
  return { faults, seen };
}
