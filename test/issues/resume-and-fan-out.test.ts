import { setImmediate as turn } from 'node:timers/promises';
import { Positions } from '../../src/hub/positions';
import { createSubscription } from '../../src/hub/subscription';
import { parseCursor } from '../../src/wire/cursor';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import { ArrayLog, type LogEntry } from '../support/model/array-log';
import { FakeSocket } from '../support/model/fake-socket';
import {
  createModelGateway,
  type GatewaySettings,
  type ModelGateway,
  ROOMY,
} from '../support/model/model-gateway';
import { until } from '../support/until';

// Each was found by test/property/resume.test.ts, or while its model was written.

const open: ModelGateway[] = [];

afterEach(() => {
  for (const gateway of open.splice(0)) gateway.close();
});

function start(log: ArrayLog, settings: Partial<GatewaySettings> = {}): ModelGateway {
  const gateway = createModelGateway(log, { ...ROOMY, ...settings }, (fault) => {
    throw fault;
  });
  gateway.log.discover();
  open.push(gateway);
  return gateway;
}

function append(log: ArrayLog, count: number, entry: Partial<LogEntry> = {}, partition = 0): void {
  for (let i = 0; i < count; i++)
    log.append(partition, { kind: 'record', channel: '/', event: null, ...entry });
}

function readAll({ log }: ModelGateway, partitions = 1): void {
  for (let partition = 0; partition < partitions; partition++) while (log.deliver(partition, 1_000));
}

/** Lets everything run that can, and answers the questions to the event log. */
async function settle({ log }: ModelGateway, { answers = true } = {}): Promise<void> {
  for (let i = 0; i < 20; i++) {
    if (answers) for (const question of [...log.questions]) question.answer('now');
    await turn();
  }
}

function connect(gateway: ModelGateway, id: string | null, query = '') {
  const events: string[] = [];
  /** Events about the stream itself. */
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
  const stream = gateway.connect(socket, `/events?${query}`, id);
  return {
    socket,
    stream,
    events,
    streamEvents,
    ids,
    offsets: () => parseCursor(ids.at(-1)!)!.topics[0]!.positions.map(Number),
  };
}

const idAt = (gateway: ModelGateway, ...offsets: number[]) =>
  gateway.ids.idOfAll(Positions.of(offsets.map(BigInt)));

describe('resume and fan-out', () => {
  it('a heartbeat in the middle of a pass: no stream is served twice', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log, { writesPerTurn: 1 });
    const clients = [1, 2, 3].map(() => connect(gateway, null));
    await settle(gateway);
    append(log, 1);
    readAll(gateway);
    await turn();
    const served = clients.filter(({ events }) => events.length === 1);
    expect(served).toHaveLength(1);
    for (const { stream } of clients) gateway.heartbeat.beat(stream, performance.now());
    // The served stream takes the place of one that was not.
    clients[0]!.socket.destroy();
    await settle(gateway);
    expect(served[0]!.events).toEqual(['0:0']);
    expect(clients[1]!.events).toEqual(['0:0']);
  });

  it('a stream ahead of its gateway becomes live once that has read past compacted offsets', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log);
    append(log, 1);
    readAll(gateway);
    append(log, 1, { kind: 'hole' });
    const client = connect(gateway, idAt(gateway, 2));
    await settle(gateway);
    expect(client.stream.subscriber!.phase.name).toBe('ahead');
    readAll(gateway);
    await settle(gateway);
    expect(client.stream.subscriber!.phase.name).toBe('live');
    expect(client.events).toEqual(['gateway.live {"replayed":0}']);
  });

  it('streams at different positions of the history do not evict each other’s chunks for ever', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log, {
      ringRecords: 1,
      chunkBytes: 10,
      cacheBytes: 1,
      writesPerTurn: 1,
      readers: 2,
    });
    append(log, 6);
    readAll(gateway);
    const clients = [0, 2].map((offset) => connect(gateway, idAt(gateway, offset)));
    for (let i = 0; i < 20; i++) await settle(gateway);
    const given = clients.map(({ events }) => events.filter((text) => !text.startsWith('gateway')));
    expect(given).toEqual([
      ['0:0', '0:1', '0:2', '0:3', '0:4', '0:5'],
      ['0:2', '0:3', '0:4', '0:5'],
    ]);
  });

  it('a retention gap is reported only for the part behind the stream’s id', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log);
    append(log, 5);
    const client = connect(gateway, idAt(gateway, 2));
    await settle(gateway);
    log.trim(0, 4);
    readAll(gateway);
    await settle(gateway);
    const [gap, ...after] = client.events;
    expect(JSON.parse(gap!.replace('gateway.gap ', ''))).toMatchObject({
      requested: '2',
      available: '4',
      lost: 2,
    });
    expect(after[0]).toBe('0:4');
  });

  it('from=-1 finds the last event although the ring moves on before the stream begins', async () => {
    const log = new ArrayLog(1);
    append(log, 1);
    const gateway = start(log, { ringRecords: 1 });
    const client = connect(gateway, null, 'from=-1');
    readAll(gateway);
    // The stream goes on in microtasks once the ring is warm; each of them may be followed by more of the log.
    for (let i = 0; i < 10; i++) {
      append(log, 1);
      readAll(gateway);
      await null;
    }
    await settle(gateway);
    const first = client.offsets().length > 0 ? Number(client.events[0]!.split(':')[1]) : -1;
    const given = client.events.filter((text) => !text.startsWith('gateway'));
    expect(given).toEqual(Array.from({ length: 11 - first }, (_, i) => `0:${first + i}`));
    expect(client.socket.destroyed).toBe(false);
  });

  it('from=earliest begins at the start of a partition that joins while the event log is asked', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log);
    const subscription = createSubscription({ channels: ['/'] });
    const found = gateway.resume.resolve({ from: 'earliest' }, subscription, () => true);
    await turn();
    log.grow();
    append(log, 2, {}, 1);
    gateway.log.discover();
    readAll(gateway, 2);
    gateway.log.questions[0]!.answer('stale');
    const { start: begin } = (await found)!;
    expect(begin.at === 'floor' && idAt(gateway, ...[...begin.floor].map(Number))).toBe(idAt(gateway, 0, 0));
  });

  it('an id never drops a partition that the id before it named, even for a record older than the partition', async () => {
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

  it('a retention gap is reported although the bounds of another partition had to be asked for twice', async () => {
    const log = new ArrayLog(2);
    append(log, 5);
    append(log, 5, {}, 1);
    log.trim(0, 2);
    const gateway = start(log, { ringRecords: 1, warmRecords: 0 });
    const subscription = createSubscription({ channels: ['/'] });
    const cursor = parseCursor(idAt(gateway, 0, 5));
    const found = Promise.resolve(
      gateway.resume.resolve({ from: 'cursor', cursor }, subscription, () => true),
    );
    const question = () => until(() => gateway.log.questions[0], 'a question');
    (await question()).answer('behind');
    (await question()).answer('now');
    const { start: begin, notices } = (await found)!;
    expect(notices).toMatchObject([
      { event: 'gateway.gap', data: { partition: 0, requested: '0', available: '2' } },
    ]);
    expect(begin).toEqual({ at: 'floor', floor: Positions.of([2n, 5n]) });
  });

  it('the history of a recreated topic has no record of the deleted one', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log, { ringRecords: 1 });
    append(log, 4, { event: 'old' });
    readAll(gateway);
    const before = connect(gateway, idAt(gateway, 1));
    await settle(gateway);
    expect(before.events.slice(0, 3)).toEqual(['old 0:1', 'old 0:2', 'old 0:3']);
    // One more read is pending when the topic is deleted.
    connect(gateway, idAt(gateway, 0));
    await turn();
    log.recreate();
    append(log, 4, { event: 'new' });
    gateway.log.reset();
    append(log, 4, { event: 'new' });
    await settle(gateway, { answers: false });
    readAll(gateway);
    // The topic that was deleted had the first slot.
    const [late, cached] = [0, 1].map((offset) => connect(gateway, idAt(gateway, 4, offset)));
    await turn();
    for (const question of [...gateway.log.questions]) question.answer('stale');
    await settle(gateway);
    for (const { events } of [late!, cached!])
      expect(
        events.filter((text) => !text.startsWith('gateway')).every((text) => text.startsWith('new')),
      ).toBe(true);
    expect(late!.events).toHaveLength(9);
    expect(cached!.events).toHaveLength(8);
  });

  it('a stream ended by its replay limit has an id of how far it came, even without an event', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log, { ringRecords: 1, chunkBytes: 10, replayMs: 30 });
    append(log, 5);
    readAll(gateway);
    const client = connect(gateway, idAt(gateway, 0), 'channel=/nothing');
    const beginMs = performance.now();
    await settle(gateway, { answers: false });
    await until(() => {
      const [question] = gateway.log.questions;
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
    // Notices of the moment are not sent to a stream that replays history.
    ['history', { ringRecords: 2 }, ['gateway.gap']],
  ])('replayed in gateway.live counts records only, from %s', async (_, settings, notices) => {
    const log = new ArrayLog(1);
    append(log, 3);
    append(log, 1, { kind: 'bad' });
    append(log, 3);
    const gateway = start(log, settings);
    readAll(gateway);
    const client = connect(gateway, idAt(gateway, 0));
    gateway.announce('interrupted');
    gateway.announce('ok');
    for (let i = 0; i < 10; i++) await settle(gateway);
    const live = client.events.findIndex((text) => text.startsWith('gateway.live'));
    expect(client.events[live]).toBe('gateway.live {"replayed":6}');
    const names = client.events.slice(0, live).map((text) => text.split(' ')[0]!);
    expect(names.filter((name) => name.startsWith('gateway'))).toEqual(notices);
  });

  it('replayed in gateway.live does not count a notice in a pass that a late stream joins', async () => {
    const log = new ArrayLog(1);
    const gateway = start(log, { writesPerTurn: 1 });
    append(log, 1);
    readAll(gateway);
    const members = [1, 2].map(() => connect(gateway, null));
    await settle(gateway);
    append(log, 1);
    readAll(gateway);
    gateway.announce('ok');
    // Only one of the two was served, so the late stream joins while the pass is running.
    await turn();
    expect(members.filter(({ events }) => events.length > 0)).toHaveLength(1);
    const late = connect(gateway, idAt(gateway, 0));
    await settle(gateway);
    expect(late.events).toEqual([
      '0:0',
      '0:1',
      'gateway.status {"kafka":"ok"}',
      'gateway.live {"replayed":2}',
    ]);
  });

  describe('a stream that begins while the event log is interrupted gets both statuses', () => {
    const AWAY = 'gateway.status {"kafka":"interrupted"}';
    const BACK = 'gateway.status {"kafka":"ok"}';
    const statusOf = ({ events }: { events: string[] }) =>
      events.filter((text) => text.startsWith('gateway.status'));

    function interrupted(settings: Partial<GatewaySettings> = {}): { log: ArrayLog; gateway: ModelGateway } {
      const log = new ArrayLog(1);
      append(log, 4);
      const gateway = start(log, settings);
      readAll(gateway);
      gateway.announce('interrupted');
      return { log, gateway };
    }

    it('when it resumes from the ring', async () => {
      const { gateway } = interrupted();
      const client = connect(gateway, idAt(gateway, 4));
      expect(client.events).toEqual([AWAY]);
      expect(client.ids).toEqual([idAt(gateway, 4)]);
      await settle(gateway);
      gateway.announce('ok');
      await settle(gateway);
      expect(client.events).toEqual([AWAY, 'gateway.live {"replayed":0}', BACK]);
    });

    it('when it is ahead of its gateway, which reads on later', async () => {
      const { log, gateway } = interrupted();
      append(log, 1);
      const client = connect(gateway, idAt(gateway, 5));
      expect(client.events).toEqual([AWAY]);
      expect(client.ids).toEqual([]);
      await settle(gateway);
      gateway.announce('ok');
      readAll(gateway);
      await settle(gateway);
      expect(client.events).toEqual([AWAY, 'gateway.live {"replayed":0}', BACK]);
    });

    it('when it resumes from history, which has to wait', async () => {
      const { gateway } = interrupted({ ringRecords: 1 });
      const client = connect(gateway, idAt(gateway, 0));
      expect(client.events).toEqual([AWAY]);
      await settle(gateway, { answers: false });
      gateway.announce('ok');
      await settle(gateway);
      expect(statusOf(client)).toEqual([AWAY, BACK]);
      expect(client.events.at(-1)).toBe('gateway.live {"replayed":4}');
    });

    it('when the interruption comes during the replay of its history', async () => {
      const log = new ArrayLog(1);
      append(log, 4);
      const gateway = start(log, { ringRecords: 1 });
      readAll(gateway);
      const client = connect(gateway, idAt(gateway, 0));
      (await until(() => gateway.log.questions[0], 'the log is asked for its bounds')).answer('now');
      await until(() => gateway.log.questions[0], 'the log is asked for older records');
      gateway.announce('interrupted');
      await settle(gateway);
      expect(client.events.slice(-2)).toEqual(['gateway.live {"replayed":4}', AWAY]);
    });
  });
});
