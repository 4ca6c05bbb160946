import fc from 'fast-check';
import { ArrayLog, TOPICS } from './array-log';
import { answerOne, faultText, pick, settle, settleGateways, turns } from './driver';
import type { Answer } from './gateway-log';
import { createModelGateway, type GatewaySettings, type ModelGateway, ROOMY } from './model-gateway';
import { ToldClient } from './told-client';

/** One step of a run. Numbers choose among what there is. */
export type TroubleStep =
  | { do: 'append'; partition: number; count: number; kind: 'record' | 'hole' }
  | { do: 'deliver'; gateway: number; partition: number; count: number }
  | { do: 'answer'; gateway: number; question: number; how: Answer | 'fail' }
  | { do: 'connect' | 'move'; client: number; gateway: number }
  /** It wants other channels when it connects next. */
  | { do: 'choose'; client: number; channel: string }
  | { do: 'disconnect' | 'take'; client: number; bytes: number }
  | { do: 'stall' | 'flow'; client: number }
  | { do: 'truncate'; partition: number; count: number }
  | { do: 'recreate'; topic: number }
  | { do: 'toggle'; partition: number }
  | { do: 'restart' | 'discover'; gateway: number }
  | { do: 'turn'; turns: number };

export interface Trouble {
  readonly partitions: readonly [number, number];
  readonly gateways: readonly Partial<GatewaySettings>[];
  readonly clients: number;
  readonly steps: readonly TroubleStep[];
}

export interface TroubleSeen {
  resets: number;
  truncations: number;
  recreations: number;
  outages: number;
  /** Resets because a client wants channels that its id is not for. */
  widened: number;
  reads: number;
}

/** Channels of the topics, so that a stream may see one of them or both. */
const BASES = ['/e', '/o'] as const;
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
  [30, fc.record({ do: does('deliver'), gateway: any, partition: any, count: upTo(6) })],
  [
    20,
    fc.record({
      do: does('answer'),
      gateway: any,
      question: any,
      how: fc.constantFrom<(Answer | 'fail')[]>('now', 'now', 'now', 'stale', 'fail'),
    }),
  ],
  [20, fc.record({ do: does('connect', 'move'), client: any, gateway: any })],
  [8, fc.record({ do: does('choose'), client: any, channel: fc.constantFrom('/', '/', ...BASES) })],
  [8, fc.record({ do: does('disconnect', 'take'), client: any, bytes: fc.nat(300) })],
  [12, fc.record({ do: does('stall', 'flow', 'flow'), client: any })],
  [8, fc.record({ do: does('truncate'), partition: any, count: upTo(4) })],
  [3, fc.record({ do: does('recreate'), topic: any })],
  [8, fc.record({ do: does('toggle'), partition: any })],
  [10, fc.record({ do: does('restart', 'discover', 'discover'), gateway: any })],
  [30, fc.record({ do: does('turn'), turns: upTo(3) })],
] as [number, fc.Arbitrary<TroubleStep>][]);

const settings: fc.Arbitrary<Partial<GatewaySettings>> = fc.record({
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
  gateways: fc.array(settings, { minLength: 1, maxLength: 2 }),
  clients: upTo(4),
  steps: fc.array(step, { minLength: 20, maxLength: 140, size: 'max' }),
});

/** Runs the steps against the gateway's own parts, lets everything settle, and returns the faults. */
export async function runTrouble(it: Trouble): Promise<{ faults: readonly string[]; seen: TroubleSeen }> {
  const faults: string[] = [];
  const log = new ArrayLog(...it.partitions);
  const open = (own: Partial<GatewaySettings>): ModelGateway =>
    createModelGateway(log, { ...ROOMY, ...own, bases: BASES }, (fault) => faults.push(faultText(fault)));
  const gateways = it.gateways.map(open);
  const clients = Array.from(
    { length: it.clients },
    (_, i) => new ToldClient(`client ${i}`, log, BASES, faults),
  );
  const seen: TroubleSeen = { resets: 0, truncations: 0, recreations: 0, outages: 0, widened: 0, reads: 0 };

  function truncate(flat: number, count: number): void {
    const { entries } = log.partitions[flat]!;
    // While a gateway warms its ring it waits for the end it found at its start, which a truncation would take away.
    if (entries.length === 0 || gateways.some(({ ids }) => ids.layout() === null)) return;
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
        pick(gateways, one.gateway).log.deliver(one.partition % log.partitions.length, one.count);
        break;
      case 'answer':
        answerOne(pick(gateways, one.gateway), one);
        break;
      case 'connect': {
        const client = pick(clients, one.client);
        if (client.socket === null) client.connect(pick(gateways, one.gateway));
        break;
      }
      case 'move': {
        const client = pick(clients, one.client);
        client.socket?.flow();
        client.leave();
        client.connect(pick(gateways, one.gateway));
        break;
      }
      case 'choose':
        pick(clients, one.client).channel = one.channel;
        break;
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
        const index = one.gateway % gateways.length;
        const old = gateways[index]!;
        for (const client of clients) if (client.gateway === old) client.leave();
        seen.reads += old.history.stats().reads;
        old.close();
        gateways[index] = open(pick(it.gateways, index));
        break;
      }
      case 'discover':
        pick(gateways, one.gateway).log.discover();
        break;
      case 'turn':
    }
  }

  /** Starts all leaders, reconnects all clients, answers all questions. True if there was nothing left to do. */
  function settleOnce(): boolean {
    for (const [flat, { isDown }] of log.partitions.entries()) if (isDown) log.toggle(flat);
    let isQuiet = settleGateways(gateways, log);
    for (const [i, client] of clients.entries()) {
      if (client.socket?.destroyed) client.leave();
      if (client.socket === null) client.connect(pick(gateways, i));
      else client.socket.flow();
      if (!client.isDone) isQuiet = false;
    }
    return isQuiet;
  }

  for (const one of it.steps) {
    apply(one);
    if (one.do === 'turn') await turns(one.turns);
    if (faults.length > 0) break;
  }
  if (!(await settle(faults, settleOnce, () => clients.join())))
    for (const client of clients) faults.push(`not at rest: ${client}`, ...client.missing());
  for (const client of clients) {
    seen.resets += client.resets;
    seen.widened += client.widened;
    client.leave();
  }
  for (const gateway of gateways) {
    seen.reads += gateway.history.stats().reads;
    gateway.close();
  }
  return { faults, seen };
}
