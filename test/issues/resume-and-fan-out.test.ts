import { setImmediate as turn } from 'node:timers/promises';
import { createSubscription } from '../../src/hub/subscription';
import { parseCursor } from '../../src/wire/cursor';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import { ArrayLog, type LogEntry } from '../support/model/array-log';
import { FakeSocket } from '../support/model/fake-socket';
import { createReplica, type Replica, type ReplicaSettings, ROOMY } from '../support/model/replica';
import { until } from '../support/until';

// Each was found by test/property/resume.test.ts or in writing its model.

const open: Replica[] = [];

afterEach(() => {
  for (const replica of open.splice(0)) replica.close();
});

function start(log: ArrayLog, settings: Partial<ReplicaSettings> = {}): Replica {
  const replica = createReplica(log, { ...ROOMY, ...settings }, (fault) => {
    throw fault;
  });
  replica.log.discover();
  open.push(replica);
  return replica;
}

function append(log: ArrayLog, count: number, entry: Partial<LogEntry> = {}, partition = 0): void {
  for (let i = 0; i < count; i++)
    log.append(partition, { kind: 'record', channel: '/', event: null, ...entry });
}

function readAll({ log }: Replica, partitions = 1): void {
  for (let partition = 0; partition < partitions; partition++) while (log.deliver(partition, 1_000));
}

/** Lets what is ready to run, run; answers what the log was asked. */
async function settle({ log }: Replica, { answers = true } = {}): Promise<void> {
  for (let i = 0; i < 20; i++) {
    if (answers) for (const question of [...log.questions]) question.answer('now');
    await turn();
  }
}

function connect(replica: Replica, id: string | null, query = '') {
  const events: string[] = [];
  /** What it is told of the stream itself. */
  const streamEvents: string[] = [];
  const ids: string[] = [];
  let text = '';
  const decoder = createFrameDecoder({
    onEvent: ({ event, data }) => {
      const isOfStream = ['gateway.open', 'gateway.position', 'gateway.retry'].includes(event);
      (isOfStream ? streamEvents : events).push(event === 'message' ? data : `${event} ${data}`);
    },
    onId: (found) => ids.push(found),
  });
  let isHead = true;
  const socket = new FakeSocket((bytes) => {
    text += bytes.toString();
    const end = text.indexOf('\r\n\r\n');
    if (isHead && end < 0) return;
    decoder.push(isHead ? text.slice(end + 4) : bytes.toString());
    isHead = false;
  });
  const stream = replica.connect(socket, `/events?${query}`, id);
  return {
    socket,
    stream,
    events,
    streamEvents,
    ids,
    offsets: () => parseCursor(ids.at(-1)!)!.topics[0]!.positions.map(Number),
  };
}

const idAt = (replica: Replica, ...offsets: number[]) => replica.ids.idOf(offsets.map(BigInt));

describe('resume and fan-out', () => {
  it('a heartbeat in the middle of a pass lets nobody be served twice', async () => {
    const log = new ArrayLog(1);
    const replica = start(log, { writesPerTurn: 1 });
    const clients = [1, 2, 3].map(() => connect(replica, null));
    await settle(replica);
    append(log, 1);
    readAll(replica);
    await turn();
    const served = clients.filter(({ events }) => events.length === 1);
    expect(served).toHaveLength(1);
    for (const { stream } of clients) replica.heartbeat.beat(stream, performance.now());
    // The one who was served takes the place of one who was not.
    clients[0]!.socket.destroy();
    await settle(replica);
    expect(served[0]!.events).toEqual(['0:0']);
    expect(clients[1]!.events).toEqual(['0:0']);
  });

  it('a stream ahead of its replica is live once that has read on over records that are not there', async () => {
    const log = new ArrayLog(1);
    const replica = start(log);
    append(log, 1);
    readAll(replica);
    append(log, 1, { kind: 'hole' });
    const client = connect(replica, idAt(replica, 2));
    await settle(replica);
    expect(client.stream.subscriber!.phase.name).toBe('ahead');
    readAll(replica);
    await settle(replica);
    expect(client.stream.subscriber!.phase.name).toBe('live');
    expect(client.events).toEqual(['gateway.live {"replayed":0}']);
  });

  it('streams in different places of the past do not push each other’s chunks out of the cache for ever', async () => {
    const log = new ArrayLog(1);
    const replica = start(log, {
      ringRecords: 1,
      chunkBytes: 10,
      cacheBytes: 1,
      writesPerTurn: 1,
      readers: 2,
    });
    append(log, 6);
    readAll(replica);
    const clients = [0, 2].map((offset) => connect(replica, idAt(replica, offset)));
    for (let i = 0; i < 20; i++) await settle(replica);
    const given = clients.map(({ events }) => events.filter((text) => !text.startsWith('gateway')));
    expect(given).toEqual([
      ['0:0', '0:1', '0:2', '0:3', '0:4', '0:5'],
      ['0:2', '0:3', '0:4', '0:5'],
    ]);
  });

  it('a gap that a stream has a part of is told for the rest only', async () => {
    const log = new ArrayLog(1);
    const replica = start(log);
    append(log, 5);
    const client = connect(replica, idAt(replica, 2));
    await settle(replica);
    log.trim(0, 4);
    readAll(replica);
    await settle(replica);
    const [gap, ...after] = client.events;
    expect(JSON.parse(gap!.replace('gateway.gap ', ''))).toMatchObject({
      requested: '2',
      available: '4',
      lost: 2,
    });
    expect(after[0]).toBe('0:4');
  });

  it('the last events of the ring are found although the ring goes on before the stream begins', async () => {
    const log = new ArrayLog(1);
    append(log, 1);
    const replica = start(log, { ringRecords: 1 });
    const client = connect(replica, null, 'from=-1');
    readAll(replica);
    // The stream goes on in microtasks once the ring is warm; each of them may be followed by more of the log.
    for (let i = 0; i < 10; i++) {
      append(log, 1);
      readAll(replica);
      await null;
    }
    await settle(replica);
    const first = client.offsets().length > 0 ? Number(client.events[0]!.split(':')[1]) : -1;
    const given = client.events.filter((text) => !text.startsWith('gateway'));
    expect(given).toEqual(Array.from({ length: 11 - first }, (_, i) => `0:${first + i}`));
    expect(client.socket.destroyed).toBe(false);
  });

  it('from=earliest begins at the start of a partition that joins while the log is asked', async () => {
    const log = new ArrayLog(1);
    const replica = start(log);
    const subscription = createSubscription({ channels: ['/'] });
    const found = replica.resume.resolve({ from: 'earliest' }, subscription, () => true);
    await turn();
    log.grow();
    append(log, 2, {}, 1);
    replica.log.discover();
    readAll(replica, 2);
    replica.log.questions[0]!.answer('stale');
    const { start: begin } = (await found)!;
    expect(begin.at === 'floor' && idAt(replica, ...begin.floor.map(Number))).toBe(idAt(replica, 0, 0));
  });

  it('an id names each partition that the one before it named, though the entry is older than that partition', async () => {
    const log = new ArrayLog(1);
    const [early, late] = [start(log), start(log)];
    append(log, 1);
    readAll(late);
    log.grow();
    early.log.discover();
    await settle(early);
    append(log, 1, {}, 1);
    while (early.log.deliver(1, 1));
    log.trim(1, 1);
    late.log.discover();
    await settle(late);

    const client = connect(late, idAt(early, 0, 1));
    await settle(late);
    expect(client.events[0]).toBe('0:0');
    expect(client.ids.map((it) => parseCursor(it)!.topics[0]!.positions.length)).not.toContain(1);
    expect(client.offsets()).toEqual([1, 1]);
  });

  it('a gap is told also when another partition’s id had to be judged twice', async () => {
    const log = new ArrayLog(2);
    append(log, 5);
    append(log, 5, {}, 1);
    log.trim(0, 2);
    const replica = start(log, { ringRecords: 1, warmRecords: 0 });
    const subscription = createSubscription({ channels: ['/'] });
    const cursor = parseCursor(idAt(replica, 0, 5));
    const found = Promise.resolve(
      replica.resume.resolve({ from: 'cursor', cursor }, subscription, () => true),
    );
    const question = () => until(() => replica.log.questions[0], 'a question');
    (await question()).answer('behind');
    (await question()).answer('now');
    const { start: begin, notices } = (await found)!;
    expect(notices).toMatchObject([{ event: 'gateway.gap', gap: { partition: 0, from: 0n, to: 2n } }]);
    expect(begin).toEqual({ at: 'floor', floor: [2n, 5n] });
  });

  it('nothing of a topic that was deleted is given as the past of the one created after it', async () => {
    const log = new ArrayLog(1);
    const replica = start(log, { ringRecords: 1 });
    append(log, 4, { event: 'old' });
    readAll(replica);
    const before = connect(replica, idAt(replica, 1));
    await settle(replica);
    expect(before.events.slice(0, 3)).toEqual(['old 0:1', 'old 0:2', 'old 0:3']);
    // One more read is under way when the topic goes.
    connect(replica, idAt(replica, 0));
    await turn();
    log.recreate();
    append(log, 4, { event: 'new' });
    replica.log.reset();
    append(log, 4, { event: 'new' });
    await settle(replica, { answers: false });
    readAll(replica);
    // The topic that was deleted had the first slot.
    const [late, cached] = [0, 1].map((offset) => connect(replica, idAt(replica, 4, offset)));
    await turn();
    for (const question of [...replica.log.questions]) question.answer('stale');
    await settle(replica);
    for (const { events } of [late!, cached!])
      expect(
        events.filter((text) => !text.startsWith('gateway')).every((text) => text.startsWith('new')),
      ).toBe(true);
    expect(late!.events).toHaveLength(9);
    expect(cached!.events).toHaveLength(8);
  });

  it('a stream that ends for its budget has an id of how far it came, even without an event', async () => {
    const log = new ArrayLog(1);
    const replica = start(log, { ringRecords: 1, chunkBytes: 10, replayMs: 30 });
    append(log, 5);
    readAll(replica);
    const client = connect(replica, idAt(replica, 0), 'channel=/nothing');
    const beginMs = performance.now();
    await settle(replica, { answers: false });
    await until(() => {
      const [question] = replica.log.questions;
      if (client.stream.isOpen && performance.now() - beginMs < 30) return false;
      question?.answer('now');
      return client.socket.destroyed;
    }, 'the budget is spent');
    expect(client.events).toEqual([]);
    expect(client.streamEvents.at(-1)).toBe('gateway.retry {"code":"replay-limit"}');
    expect(client.ids.length).toBe(2);
  });

  it.each([
    ['the ring', {}, ['gateway.gap', 'gateway.status', 'gateway.status']],
    // What is of this moment only does not reach who is given something older.
    ['what is older than the ring', { ringRecords: 2 }, ['gateway.gap']],
  ])('a stream that is given %s has only records replayed', async (_, settings, notices) => {
    const log = new ArrayLog(1);
    append(log, 3);
    append(log, 1, { kind: 'bad' });
    append(log, 3);
    const replica = start(log, settings);
    readAll(replica);
    const client = connect(replica, idAt(replica, 0));
    replica.announce('interrupted');
    replica.announce('ok');
    for (let i = 0; i < 10; i++) await settle(replica);
    const live = client.events.findIndex((text) => text.startsWith('gateway.live'));
    expect(client.events[live]).toBe('gateway.live {"replayed":6}');
    const names = client.events.slice(0, live).map((text) => text.split(' ')[0]!);
    expect(names.filter((name) => name.startsWith('gateway'))).toEqual(notices);
  });

  it('a notice in a pass that a late stream shares is not replayed', async () => {
    const log = new ArrayLog(1);
    const replica = start(log, { writesPerTurn: 1 });
    append(log, 1);
    readAll(replica);
    const members = [1, 2].map(() => connect(replica, null));
    await settle(replica);
    append(log, 1);
    readAll(replica);
    replica.announce('ok');
    // One of the two has its turn, so the pass runs when the late one comes to stand where it began.
    await turn();
    expect(members.filter(({ events }) => events.length > 0)).toHaveLength(1);
    const late = connect(replica, idAt(replica, 0));
    await settle(replica);
    expect(late.events).toEqual([
      '0:0',
      '0:1',
      'gateway.status {"kafka":"ok"}',
      'gateway.live {"replayed":2}',
    ]);
  });

  describe('a stream that begins while the log is away is told so, and when it is back', () => {
    const AWAY = 'gateway.status {"kafka":"interrupted"}';
    const BACK = 'gateway.status {"kafka":"ok"}';
    const statusOf = ({ events }: { events: string[] }) =>
      events.filter((text) => text.startsWith('gateway.status'));

    function interrupted(settings: Partial<ReplicaSettings> = {}): { log: ArrayLog; replica: Replica } {
      const log = new ArrayLog(1);
      append(log, 4);
      const replica = start(log, settings);
      readAll(replica);
      replica.announce('interrupted');
      return { log, replica };
    }

    it('with an id that the replica has in its ring', async () => {
      const { replica } = interrupted();
      const client = connect(replica, idAt(replica, 4));
      expect(client.events).toEqual([AWAY]);
      expect(client.ids).toEqual([idAt(replica, 4)]);
      await settle(replica);
      replica.announce('ok');
      await settle(replica);
      expect(client.events).toEqual([AWAY, 'gateway.live {"replayed":0}', BACK]);
    });

    it('ahead of its replica, which reads on once the log is back', async () => {
      const { log, replica } = interrupted();
      append(log, 1);
      const client = connect(replica, idAt(replica, 5));
      expect(client.events).toEqual([AWAY]);
      expect(client.ids).toEqual([]);
      await settle(replica);
      replica.announce('ok');
      readAll(replica);
      await settle(replica);
      expect(client.events).toEqual([AWAY, 'gateway.live {"replayed":0}', BACK]);
    });

    it('with an id of before the ring, which has to wait for the log', async () => {
      const { replica } = interrupted({ ringRecords: 1 });
      const client = connect(replica, idAt(replica, 0));
      expect(client.events).toEqual([AWAY]);
      await settle(replica, { answers: false });
      replica.announce('ok');
      await settle(replica);
      expect(statusOf(client)).toEqual([AWAY, BACK]);
      expect(client.events.at(-1)).toBe('gateway.live {"replayed":4}');
    });

    it('and one whose past was given while the log went away', async () => {
      const log = new ArrayLog(1);
      append(log, 4);
      const replica = start(log, { ringRecords: 1 });
      readAll(replica);
      const client = connect(replica, idAt(replica, 0));
      (await until(() => replica.log.questions[0], 'the log is asked for its bounds')).answer('now');
      await until(() => replica.log.questions[0], 'the log is asked for older records');
      replica.announce('interrupted');
      await settle(replica);
      expect(client.events.slice(-2)).toEqual(['gateway.live {"replayed":4}', AWAY]);
    });
  });
});
