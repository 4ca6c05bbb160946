import { setImmediate as turn } from 'node:timers/promises';
import { ArrayLog } from './array-log';
import type { Interleaving, Step } from './interleaving';
import { ModelClient } from './model-client';
import { createReplica, type Replica } from './replica';

const MAX_PARTITIONS = 5;

/** What happened in a run, so that a property can tell that it looked at what it means to look at. */
export interface Seen {
  deliveries: number;
  reconnects: number;
  reads: number;
  holds: number;
  told: number;
}

/** Every fourth heartbeat has an id. */
const BEATS_PER_ID = 4;
const OVERTAKE_TURNS = 4;
const QUIET_TURNS = 6;
/** Timers are a millisecond or two here: whoever makes no progress for so long and so many turns will not make any. */
const STUCK_MS = 50;
const STUCK_TURNS = 200;
/** Far more rounds than there is to do. */
const MAX_ROUNDS = 5_000;

/** Runs it against the real rooms, lets everything come to rest, and answers what was wrong. */
export async function run({ partitions, replicas: all, clients: asked, steps }: Interleaving): Promise<{
  readonly faults: readonly string[];
  readonly seen: Seen;
}> {
  const faults: string[] = [];
  const log = new ArrayLog(partitions);
  const replicas = all.map((own) =>
    createReplica(log, own, (fault) => faults.push(fault instanceof Error ? fault.stack! : String(fault))),
  );
  const clients = asked.map(
    ({ subscription, start }, i) => new ModelClient(`client ${i}`, log, subscription, start, faults),
  );
  const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;
  let reconnects = 0;

  function connect(from: ModelClient, replica: Replica, id: string | null): void {
    if (id !== null) reconnects++;
    from.connect(replica, id);
  }

  function idFor(own: ModelClient, how: string, which: number): string | null {
    const { ids } = how === 'other id' ? pick(clients, which) : own;
    if (ids.length === 0) return null;
    return how === 'last id' ? ids.at(-1)! : pick(ids, which);
  }

  function leave(own: ModelClient, taken: number): void {
    const { connection } = own;
    if (connection === null) return;
    // What was on its way is partly lost.
    if (!connection.socket.destroyed) connection.socket.take(taken);
    connection.socket.destroy();
    connection.judge();
    own.connection = null;
  }

  /** It takes what is on its way, and goes on elsewhere. */
  function move(own: ModelClient, to: Replica): void {
    own.connection?.socket.flow();
    leave(own, 0);
    connect(own, to, own.ids.at(-1) ?? null);
  }

  function beat({ streams, heartbeat }: Replica): void {
    for (const stream of streams.snapshot())
      for (let i = 0; i < BEATS_PER_ID; i++) heartbeat.beat(stream, performance.now());
  }

  async function apply(it: Step): Promise<void> {
    switch (it.do) {
      case 'append': {
        const partition = it.partition % log.partitions.length;
        for (const added of it.entries) log.append(partition, { ...added });
        break;
      }
      case 'deliver':
        pick(replicas, it.replica).log.deliver(it.partition % log.partitions.length, it.count);
        break;
      case 'answer': {
        const { questions } = pick(replicas, it.replica).log;
        if (questions.length === 0) break;
        const question = pick(questions, it.question);
        if (it.how === 'fail') question.fail();
        else question.answer(it.how);
        break;
      }
      case 'connect': {
        const own = pick(clients, it.client);
        const id = idFor(own, it.with, it.which);
        if (own.connection === null) connect(own, pick(replicas, it.replica), id);
        break;
      }
      case 'move':
        move(pick(clients, it.client), pick(replicas, it.replica));
        break;
      case 'overtake': {
        const first = pick(replicas, it.replica);
        for (const partition of log.partitions.keys()) while (first.log.deliver(partition, 10));
        for (let i = 0; i < OVERTAKE_TURNS; i++) await turn();
        beat(first);
        for (const own of clients) if (own.connection?.replica === first) move(own, pick(replicas, it.to));
        break;
      }
      case 'disconnect':
        leave(pick(clients, it.client), it.taken);
        break;
      case 'stall':
      case 'flow':
      case 'take': {
        const { connection } = pick(clients, it.client);
        if (connection === null || connection.socket.destroyed) break;
        if (it.do === 'stall') connection.socket.isStalled = true;
        else if (it.do === 'flow') connection.socket.flow();
        else if (it.do === 'take') connection.socket.take(it.bytes);
        break;
      }
      case 'beat':
        beat(pick(replicas, it.replica));
        break;
      case 'trim':
        log.trim(it.partition % log.partitions.length, it.count);
        break;
      case 'compact': {
        const partition = it.partition % log.partitions.length;
        log.compact(partition, it.offset % Math.max(1, log.partitions[partition]!.entries.length));
        break;
      }
      case 'announce': {
        const told = pick(replicas, it.replica);
        told.announce(told.isLogInterrupted() ? 'ok' : 'interrupted');
        break;
      }
      case 'discover':
        pick(replicas, it.replica).log.discover();
        break;
      case 'abandon': {
        const left = pick(replicas, it.replica);
        for (const own of clients)
          if (own.connection?.replica === left && own.connection.stream?.subscriber?.phase.name === 'live')
            leave(own, 0);
        break;
      }
      case 'grow':
        if (log.partitions.length < MAX_PARTITIONS) log.grow();
        break;
      case 'turn':
        for (let i = 0; i < it.turns; i++) await turn();
    }
  }

  /** Everyone is back, nobody is stalled, the log answers. True when there was nothing left to do. */
  function settleOnce(): boolean {
    let isQuiet = true;
    for (const { log: own } of replicas) {
      own.discover();
      for (let partition = 0; partition < log.partitions.length; partition++)
        if (own.deliver(partition, 10)) isQuiet = false;
      for (const question of [...own.questions]) {
        question.answer('now');
        isQuiet = false;
      }
    }
    for (const [i, own] of clients.entries()) {
      if (own.connection?.socket.destroyed) leave(own, 0);
      if (own.connection === null) connect(own, pick(replicas, i), own.ids.at(-1) ?? null);
      else own.connection.socket.flow();
      const { connection } = own;
      if (!connection?.isDone() || connection.stream?.subscriber?.phase.name !== 'live') isQuiet = false;
    }
    return isQuiet;
  }

  for (const it of steps) {
    await apply(it);
    if (faults.length > 0) break;
  }
  let progress = '';
  let since = { round: 0, atMs: performance.now() };
  for (let quiet = 0, round = 0; faults.length === 0 && quiet < QUIET_TURNS; round++) {
    quiet = settleOnce() ? quiet + 1 : 0;
    await turn();
    const now = clients.map(({ connection }) => `${connection}`).join();
    if (now !== progress) since = { round, atMs: performance.now() };
    progress = now;
    const isStuck = round - since.round > STUCK_TURNS && performance.now() - since.atMs > STUCK_MS;
    if (round < MAX_ROUNDS && !isStuck) continue;
    for (const { connection, subscription } of clients)
      faults.push(
        `not at rest: ${JSON.stringify(subscription)} ${connection} ${connection?.stream?.subscriber?.phase.name}`,
      );
  }
  if (faults.length === 0)
    for (const own of clients) for (const one of own.missing()) own.fault(`missed ${one}`);
  for (const own of clients) leave(own, 0);
  const stats = replicas.map(({ hub, history }) => ({ ...hub.stats(), ...history.stats() }));
  for (const replica of replicas) replica.close();
  const sum = (of: (one: (typeof stats)[number]) => number) =>
    stats.reduce((total, one) => total + of(one), 0);
  return {
    faults,
    seen: {
      deliveries: sum(({ deliveries }) => deliveries),
      reconnects,
      reads: sum(({ reads }) => reads),
      holds: sum(({ holds }) => holds),
      told: clients.reduce((total, { gaps }) => total + gaps, 0),
    },
  };
}
