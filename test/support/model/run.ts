import { ArrayLog } from './array-log';
import { answerOne, faultText, pick, settle, settleGateways, turns } from './driver';
import type { Interleaving, Step } from './interleaving';
import { ModelClient } from './model-client';
import { createModelGateway, type ModelGateway } from './model-gateway';

const MAX_PARTITIONS = 5;

/** How often things happened in a run: a property checks that its runs cover them. */
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

/** Runs the steps against the gateway's own parts, lets everything settle, and returns the faults. */
export async function run({ partitions, gateways: all, clients: asked, steps }: Interleaving): Promise<{
  readonly faults: readonly string[];
  readonly seen: Seen;
}> {
  const faults: string[] = [];
  const log = new ArrayLog(partitions);
  const gateways = all.map((own) => createModelGateway(log, own, (fault) => faults.push(faultText(fault))));
  const clients = asked.map(
    ({ subscription, start }, i) => new ModelClient(`client ${i}`, log, subscription, start, faults),
  );
  let reconnects = 0;

  function connect(from: ModelClient, gateway: ModelGateway, id: string | null): void {
    if (id !== null) reconnects++;
    from.connect(gateway, id);
  }

  function idFor(own: ModelClient, how: string, which: number): string | null {
    const { ids } = how === 'other id' ? pick(clients, which) : own;
    if (ids.length === 0) return null;
    return how === 'last id' ? ids.at(-1)! : pick(ids, which);
  }

  function leave(own: ModelClient, taken: number): void {
    const { connection } = own;
    if (connection === null) return;
    // The rest of what was sent is lost.
    if (!connection.socket.destroyed) connection.socket.take(taken);
    connection.socket.destroy();
    connection.judge();
    own.connection = null;
  }

  /** Reads what was sent, and resumes at another gateway. */
  function move(own: ModelClient, to: ModelGateway): void {
    own.connection?.socket.flow();
    leave(own, 0);
    connect(own, to, own.ids.at(-1) ?? null);
  }

  function beat({ streams, heartbeat }: ModelGateway): void {
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
        pick(gateways, it.gateway).log.deliver(it.partition % log.partitions.length, it.count);
        break;
      case 'answer':
        answerOne(pick(gateways, it.gateway), it);
        break;
      case 'connect': {
        const own = pick(clients, it.client);
        const id = idFor(own, it.with, it.which);
        if (own.connection === null) connect(own, pick(gateways, it.gateway), id);
        break;
      }
      case 'move':
        move(pick(clients, it.client), pick(gateways, it.gateway));
        break;
      case 'overtake': {
        const first = pick(gateways, it.gateway);
        for (const partition of log.partitions.keys()) while (first.log.deliver(partition, 10));
        await turns(OVERTAKE_TURNS);
        beat(first);
        for (const own of clients) if (own.connection?.gateway === first) move(own, pick(gateways, it.to));
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
        beat(pick(gateways, it.gateway));
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
        const told = pick(gateways, it.gateway);
        told.announce(told.isLogInterrupted() ? 'ok' : 'interrupted');
        break;
      }
      case 'discover':
        pick(gateways, it.gateway).log.discover();
        break;
      case 'abandon': {
        const left = pick(gateways, it.gateway);
        for (const own of clients)
          if (own.connection?.gateway === left && own.connection.stream?.subscriber?.phase.name === 'live')
            leave(own, 0);
        break;
      }
      case 'grow':
        if (log.partitions.length < MAX_PARTITIONS) log.grow();
        break;
      case 'turn':
        await turns(it.turns);
    }
  }

  /** Reconnects all clients, lets them read, and answers all questions. True if there was nothing left to do. */
  function settleOnce(): boolean {
    let isQuiet = settleGateways(gateways, log);
    for (const [i, own] of clients.entries()) {
      if (own.connection?.socket.destroyed) leave(own, 0);
      if (own.connection === null) connect(own, pick(gateways, i), own.ids.at(-1) ?? null);
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
  const isSettled = await settle(faults, settleOnce, () =>
    clients.map(({ connection }) => `${connection}`).join(),
  );
  if (!isSettled)
    for (const { connection, subscription } of clients)
      faults.push(
        `not at rest: ${JSON.stringify(subscription)} ${connection} ${connection?.stream?.subscriber?.phase.name}`,
      );
  if (faults.length === 0)
    for (const own of clients) for (const one of own.missing()) own.fault(`missed ${one}`);
  for (const own of clients) leave(own, 0);
  const stats = gateways.map(({ hub, history }) => ({ ...hub.stats(), ...history.stats() }));
  for (const gateway of gateways) gateway.close();
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
