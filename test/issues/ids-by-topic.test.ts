import { setImmediate as turn } from 'node:timers/promises';
import type { LogLayout } from '../../src/eventlog/event-log';
import { PartitionSlots } from '../../src/events/partition-slots';
import { Positions } from '../../src/hub/positions';
import { claimsOf } from '../../src/sse/claims';
import { parseCursor, topicDigest } from '../../src/wire/cursor';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import { createTestFeed } from '../support/feed';
import { startGateway } from '../support/gateway';
import { ArrayLog, TOPIC, TOPICS } from '../support/model/array-log';
import { FakeSocket } from '../support/model/fake-socket';
import {
  createModelGateway,
  type GatewaySettings,
  type ModelGateway,
  ROOMY,
} from '../support/model/model-gateway';
import { formatOldCursor } from '../support/old-cursor';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

const OTHER = TOPICS[1];
const open: ModelGateway[] = [];

afterEach(() => {
  for (const gateway of open.splice(0)) gateway.close();
});

/** A gateway that has read to the end. */
function start(log: ArrayLog, settings: Partial<GatewaySettings> = {}): ModelGateway {
  const gateway = createModelGateway(log, { ...ROOMY, ...settings }, (fault) => {
    throw fault;
  });
  gateway.log.discover();
  open.push(gateway);
  readAll(log, gateway);
  return gateway;
}

function readAll(log: ArrayLog, ...gateways: ModelGateway[]): void {
  for (const gateway of gateways) {
    gateway.log.discover();
    for (const flat of log.partitions.keys()) while (gateway.log.deliver(flat, 1_000));
  }
}

function append(log: ArrayLog, flat: number, count: number): void {
  for (let i = 0; i < count; i++) log.append(flat, { kind: 'record', channel: '/', event: null });
}

/** Streams everything to a client; answers what it was given, and its last id. */
function connect(gateway: ModelGateway, id: string | null) {
  const events: string[] = [];
  const client = { events, id };
  const decoder = createFrameDecoder({
    onId: (found) => {
      client.id = found;
    },
    onEvent: ({ event, data }) => {
      if (event === 'gateway.open' || event === 'gateway.position') return;
      events.push(event === 'message' ? data : `${event} ${data}`);
    },
  });
  let head = '';
  const socket = new FakeSocket((bytes) => {
    const text = bytes.toString();
    if (head.endsWith('\r\n\r\n')) decoder.push(text);
    else {
      const end = (head + text).indexOf('\r\n\r\n') + 4;
      decoder.push((head + text).slice(end));
      head = (head + text).slice(0, end);
    }
  });
  gateway.connect(socket, '/events', id);
  return client;
}

/** Answers what the log is asked until the condition holds. */
async function settled(gateway: ModelGateway, condition: () => boolean, what: string): Promise<void> {
  await until(async () => {
    for (const question of [...gateway.log.questions]) question.answer('now');
    await turn();
    return condition();
  }, what);
}

const isLive = ({ events }: { events: string[] }) => events.at(-1)?.startsWith('gateway.live') ?? false;

describe('an id is checked topic by topic', () => {
  it('an id of version 1 is still understood', async () => {
    const { url } = await startGateway();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const res = await fetch(`${url}/broadcast`, { method: 'POST', body: `e${i}` });
      ids.push(((await res.json()) as { id: string }).id);
    }
    const { cluster, topics } = parseCursor(ids[0]!)!;
    const old = formatOldCursor(cluster, [
      { key: Number.parseInt(topics[0]!.key.slice(0, 4), 16), positions: [1n] },
    ]);
    const client = await openStream(`${url}/events`, { headers: { 'Last-Event-ID': old } });
    await client.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    expect(client.events.map(({ event, data }) => [event, data])).toEqual([
      ['message', 'e1'],
      ['message', 'e2'],
      ['gateway.live', '{"replayed":2}'],
    ]);
    expect(client.events.at(-1)!.id).toBe(ids[2]);
  });

  it.each([
    ['the same gateway', false],
    ['another gateway', true],
  ])('a recreated topic is reset alone at %s, and the other one has no gap', async (_, isAnother) => {
    const log = new ArrayLog(1, 1);
    const gateway = start(log);
    const before = connect(gateway, null);
    append(log, 0, 1);
    append(log, 1, 1);
    readAll(log, gateway);
    await settled(gateway, () => before.events.length === 2, 'both are there');
    log.recreate(OTHER);
    append(log, 0, 1);
    readAll(log, gateway);
    append(log, 1, 1);
    readAll(log, gateway);
    await settled(gateway, () => before.events.length === 5, 'the live stream has all of it');
    expect(before.events.slice(2)).toEqual([
      `gateway.reset {"reason":"recreated","topics":["${OTHER}"]}`,
      '0:1',
      '1:0:1.0',
    ]);

    const id = gateway.ids.idOfAll(Positions.of([1n, 1n]));
    const back = connect(isAnother ? start(log) : gateway, id);
    await settled(open.at(-1)!, () => isLive(back), 'it is live');
    expect(back.events).toEqual([
      `gateway.reset {"reason":"topic","topics":["${OTHER}"]}`,
      '0:1',
      'gateway.live {"replayed":1}',
    ]);
  });

  it.each([
    ['from the epochs it has read', false],
    ['by asking the event log', true],
  ])('a client with records that a truncation removed is reset by a gateway, %s', async (_, isFresh) => {
    const log = new ArrayLog(1, 1);
    const gateway = start(log);
    append(log, 0, 5);
    append(log, 1, 5);
    readAll(log, gateway);
    const id = gateway.ids.idOfAll(Positions.of([5n, 2n]));
    log.truncate(0, 2);
    // As long as before: the offsets alone do not show it.
    append(log, 0, 3);
    const asked = isFresh ? start(log, { warmRecords: 2 }) : gateway;
    readAll(log, asked);
    const back = connect(asked, id);
    await settled(asked, () => isLive(back), 'it is live');
    const given = back.events.filter((text) => /^\d/.test(text)).sort();
    expect(back.events[0]).toBe(`gateway.reset {"reason":"truncated","topics":["${TOPIC}"]}`);
    expect(given).toEqual(['0:3:0.1', '0:4:0.1', '0:5:0.1', '1:2', '1:3', '1:4']);
  });

  it('a client that began after a truncation resumes without a reset', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log);
    append(log, 0, 1);
    readAll(log, gateway);
    log.truncate(0, 1);
    append(log, 0, 3);
    readAll(log, gateway);
    const first = connect(gateway, null);
    append(log, 0, 1);
    readAll(log, gateway);
    await settled(gateway, () => first.events.length === 1, 'it has the last');
    const { id } = first;
    append(log, 0, 1);
    readAll(log, gateway);
    await settled(gateway, () => first.events.length === 2, 'it has what came after');
    const back = connect(gateway, id);
    await settled(gateway, () => isLive(back), 'it is live');
    expect(back.events).toEqual(['0:4:0.1', 'gateway.live {"replayed":1}']);
  });

  it('topics whose digests begin alike have the whole digest in ids', () => {
    const [a, b] = collidingIds();
    const layout = (...topicIds: [string, string][]): LogLayout => ({
      clusterId: 'test',
      partitions: topicIds.map(([topic, topicId]) => ({
        topic,
        topicId,
        partition: 0,
        logStart: 0n,
        logEnd: 7n,
      })),
      unavailable: [],
    });
    const both = createTestFeed();
    both.feed.onStart(layout(['a', a], ['b', b]));
    const cursor = parseCursor(both.ids.idOfAll(Positions.of([3n, 5n])))!;
    expect(cursor.topics.map(({ key }) => key)).toEqual([topicDigest(a), topicDigest(b)]);
    const alone = createTestFeed();
    alone.feed.onStart(layout(['a', a]));
    const other = parseCursor(alone.ids.idOfAll(Positions.of([3n])))!;
    expect(other.topics.map(({ key }) => key)).toEqual([topicDigest(a).slice(0, 8)]);

    const slots = new PartitionSlots([
      { topic: 'a', digest: topicDigest(a), partition: 0, start: 0n },
      { topic: 'b', digest: topicDigest(b), partition: 0, start: 0n },
    ]);
    const now = { topics: new Set(['a', 'b']), base: Positions.of([7n, 7n]), head: Positions.of([7n, 7n]) };
    expect(claimsOf(cursor, slots, now)).toMatchObject({ floor: [3n, 5n], isTopicUnknown: false });
    // Written by a gateway that knew only one of them: either may be meant.
    expect(claimsOf(other, slots, now)).toMatchObject({ isTopicUnknown: true, unnamed: ['a', 'b'] });
  });
});

/** Two topic ids with the same 32 bits: among some 80,000 there is a pair. */
function collidingIds(): [string, string] {
  const seen = new Map<string, string>();
  for (let i = 0; ; i++) {
    const id = i.toString(16).padStart(32, '0');
    const key = topicDigest(id).slice(0, 8);
    const other = seen.get(key);
    if (other !== undefined) return [other, id];
    seen.set(key, id);
  }
}

describe('a partition whose leader does not answer', () => {
  it('holds back its own history only, and gateway.live until that was sent', async () => {
    const log = new ArrayLog(1, 1);
    append(log, 0, 6);
    append(log, 1, 6);
    const gateway = start(log, { ringRecords: 3 });
    log.toggle(0);
    const client = connect(gateway, gateway.ids.idOfAll(Positions.of([1n, 1n])));
    await settled(gateway, () => client.events.length === 5, 'it has the past of the other one');
    expect(client.events).toEqual(['1:1', '1:2', '1:3', '1:4', '1:5']);
    append(log, 1, 1);
    readAll(log, gateway);
    await settled(gateway, () => client.events.length === 6, 'it has what comes');
    expect(client.events.at(-1)).toBe('1:6');
    // Its id does not move in the partition that is held back.
    expect(parseCursor(client.id!)!.topics.map(({ positions }) => positions)).toEqual([[1n], [7n]]);

    log.toggle(0);
    append(log, 0, 1);
    readAll(log, gateway);
    await settled(gateway, () => isLive(client), 'it is live');
    expect(client.events.slice(6)).toEqual([
      ...['0:1', '0:2', '0:3', '0:4', '0:5', '0:6'],
      'gateway.live {"replayed":12}',
    ]);
  });

  it('is named by a time in ids of a gateway that starts meanwhile; another gateway resolves it', async () => {
    const log = new ArrayLog(1, 1);
    append(log, 0, 3);
    const well = start(log);
    log.toggle(0);
    const started = start(log);
    const client = connect(started, null);
    append(log, 1, 1);
    readAll(log, started);
    await settled(started, () => client.events.length === 1, 'it has the other one');
    append(log, 0, 2);
    log.toggle(0);
    readAll(log, well, started);
    const back = connect(well, client.id);
    await settled(well, () => isLive(back), 'it is live');
    expect(back.events).toEqual(['0:3', '0:4', 'gateway.live {"replayed":2}']);
    await settled(started, () => client.events.length === 3, 'the stream that stayed has them');
    expect(client.events).toEqual(['1:0', '0:3', '0:4']);
  });

  it('is live at a gateway that resolves the time of an id after a truncation', async () => {
    const log = new ArrayLog(1, 1);
    append(log, 0, 1);
    const behind = start(log);
    log.truncate(0, 1);
    log.toggle(0);
    append(log, 0, 2);
    const started = start(log);
    const client = connect(started, null);
    append(log, 1, 1);
    readAll(log, started);
    await settled(started, () => client.events.length === 1, 'its id has a time');
    append(log, 0, 4);
    log.toggle(0);
    const back = connect(behind, client.id);
    readAll(log, behind);
    await settled(behind, () => isLive(back), 'it is live');
    expect(back.events.filter((text) => text.startsWith('0:')).slice(-4)).toEqual([
      '0:2:0.1',
      '0:3:0.1',
      '0:4:0.1',
      '0:5:0.1',
    ]);
  });

  it('is replayed from the client’s offset by a gateway that started meanwhile', async () => {
    const log = new ArrayLog(1, 1);
    append(log, 0, 3);
    const well = start(log);
    const id = well.ids.idOfAll(Positions.of([1n, 0n]));
    log.toggle(0);
    const started = start(log);
    const client = connect(started, id);
    append(log, 1, 1);
    readAll(log, started);
    await settled(started, () => client.events.length === 1, 'it has the other one');
    log.toggle(0);
    append(log, 0, 1);
    readAll(log, started);
    await settled(started, () => isLive(client), 'it is live');
    // From before and after the time from which the gateway reads it.
    expect(client.events).toEqual(['1:0', '0:1', '0:2', '0:3', 'gateway.live {"replayed":4}']);
  });
});
