import { setImmediate as turn } from 'node:timers/promises';
import type { PassReport } from '../../../src/hub/audience';
import type { HubOptions } from '../../../src/hub/hub';
import { Positions } from '../../../src/hub/positions';
import { createSubscription } from '../../../src/hub/subscription';
import { entryOf, FakeSink } from '../../support/fake-sink';
import { createTestHistory, createTestHub } from '../../support/hub';

function createHub(options: Partial<HubOptions> = {}) {
  const pressure: boolean[] = [];
  const errors: unknown[] = [];
  let beforeRing = 0;
  const hub = createTestHub({
    onSinkError: (error) => errors.push(error),
    history: createTestHistory({
      read() {
        beforeRing++;
        return new Promise(() => undefined);
      },
    }),
    ...options,
  });
  hub.holdBack({ pause: () => pressure.push(true), resume: () => pressure.push(false) });
  hub.restart(Positions.of([0n]));
  let published = 0;
  const publish = (channel: string | null, text = `e${published}`) => {
    hub.publish(entryOf(channel, text), Positions.of([BigInt(++published)]));
  };
  const subscribe = (...channels: string[]) => {
    const sink = new FakeSink();
    sink.subscriber = hub.subscribe(createSubscription({ channels }), sink);
    return sink;
  };
  /** Lets the scheduler work until nothing is left to do. */
  const settle = async () => {
    for (let quiet = 0, before = -1; quiet < 3; ) {
      await turn();
      const { writes } = hub.stats();
      quiet = writes === before ? quiet + 1 : 0;
      before = writes;
    }
  };
  return { hub, publish, subscribe, settle, pressure, errors, beforeRing: () => beforeRing };
}

describe('Hub', () => {
  it('sends what has a scope to those who may get something below it, by a channel above or below', async () => {
    const { hub, subscribe, settle } = createHub();
    const sinks = ['/', '/pets', '/pets/dogs', '/pet', '/cars'].map((channel) => subscribe(channel));
    await settle();
    hub.publish(entryOf(null, 'pets only', 0, '/pets'), Positions.of([1n]));
    hub.publish(entryOf(null, 'dogs only', 0, '/pets/dogs'), Positions.of([2n]));
    hub.publish(entryOf(null, 'all'), Positions.of([3n]));
    await settle();
    const both = ['pets only', 'dogs only', 'all'];
    expect(sinks.map(({ events }) => events)).toEqual([both, both, both, ['all'], ['all']]);
    const late = new FakeSink();
    late.subscriber = hub.subscribe(createSubscription({ channels: ['/pets/cats'] }), late, {
      at: 'floor',
      floor: Positions.of([0n]),
    });
    await settle();
    // Fed alone, it is judged by the same rule.
    expect(late.events).toEqual(['pets only', 'all']);
  });

  it('sends a record to its channel and every channel above it, by whole segments', async () => {
    const { publish, subscribe, settle } = createHub();
    const [all, pets, dogs, pet] = [
      subscribe('/'),
      subscribe('/pets'),
      subscribe('/pets/dogs'),
      subscribe('/pet'),
    ];
    publish('/pets/dogs', 'rex');
    publish('/pets', 'any');
    publish('/', 'root');
    await settle();
    expect(all.events).toEqual(['rex', 'any', 'root']);
    expect(pets.events).toEqual(['rex', 'any']);
    expect(dogs.events).toEqual(['rex']);
    expect(pet.events).toEqual([]);
  });

  it('counts a record once for a stream of several channels', async () => {
    const { publish, subscribe, settle } = createHub();
    const both = subscribe('/a', '/a/x', '/b');
    publish('/a/x', 'once');
    publish('/b', 'b');
    await settle();
    expect(both.events).toEqual(['once', 'b']);
  });

  it('tells of each pass once, whatever the number of its streams, and counts events and bytes of all', async () => {
    const passes: PassReport[] = [];
    const { hub, publish, subscribe, settle } = createHub({ onPass: (pass) => passes.push(pass) });
    for (let i = 0; i < 3; i++) subscribe('/a');
    await settle();
    publish('/a', 'one');
    publish('/a', 'two');
    publish('/b', 'nobody');
    await settle();
    publish('/a', 'three');
    await settle();
    expect(passes.map(({ events, first }) => [events, first!.bytes.toString()])).toEqual([
      [2, 'one\n'],
      [1, 'three\n'],
    ]);
    for (const { durationMs } of passes) expect(durationMs).toBeGreaterThanOrEqual(0);
    const bytes = 3 * 'one\ntwo\nthree\n'.length;
    expect(hub.stats()).toMatchObject({ deliveries: 9, writes: 6, bytes });
  });

  it('sends the gateway’s own events to every subscription', async () => {
    const { publish, subscribe, settle } = createHub();
    const [a, b] = [subscribe('/a'), subscribe('/b')];
    publish(null, 'gap');
    await settle();
    expect([a.events, b.events]).toEqual([['gap'], ['gap']]);
  });

  it('writes the same bytes object to every member', async () => {
    const { publish, subscribe, settle } = createHub();
    const sinks = [subscribe('/'), subscribe('/'), subscribe('/')];
    publish('/a');
    await settle();
    expect(new Set(sinks.map(({ chunks }) => chunks[0]?.framed)).size).toBe(1);
  });

  it('gathers what comes together into few writes, each within the limit', async () => {
    const { hub, publish, subscribe, settle } = createHub({ sliceBytes: 50 });
    const sink = subscribe('/');
    for (let i = 0; i < 40; i++) publish('/', `event-${i}`);
    await settle();
    expect(sink.events).toEqual(Array.from({ length: 40 }, (_, i) => `event-${i}`));
    expect(hub.stats().writes).toBeLessThan(10);
    for (const text of sink.texts) expect(text.length).toBeLessThanOrEqual(50);
  });

  it('lets an event that is larger than a write go alone', async () => {
    const { publish, subscribe, settle } = createHub({ sliceBytes: 50 });
    const sink = subscribe('/');
    for (const text of ['small', 'x'.repeat(500), 'after']) publish('/', text);
    await settle();
    expect(sink.texts.map((text) => text.length)).toEqual([6, 501, 6]);
  });

  it('starts a stream at what comes next', async () => {
    const { publish, subscribe, settle } = createHub();
    publish('/', 'before');
    const sink = subscribe('/');
    publish('/', 'after');
    await settle();
    expect(sink.events).toEqual(['after']);
  });

  it('feeds a full sink alone, and makes it a member again when it has caught up', async () => {
    const { hub, publish, subscribe, settle } = createHub();
    const [slow, fast] = [subscribe('/'), subscribe('/')];
    slow.isFull = true;
    publish('/', 'a');
    await settle();
    for (const text of ['b', 'c', 'd']) {
      publish('/', text);
      await settle();
    }
    expect(slow.events).toEqual(['a']);
    expect(fast.events).toEqual(['a', 'b', 'c', 'd']);
    slow.isFull = false;
    hub.onWritable(slow.subscriber!);
    await settle();
    expect(slow.events).toEqual(['a', 'b', 'c', 'd']);
    expect(slow.subscriber!.phase.name).toBe('live');
    publish('/', 'e');
    await settle();
    expect(slow.events.at(-1)).toBe('e');
  });

  it('asks for what is older when the ring has gone over a stream', async () => {
    const { hub, publish, subscribe, settle, beforeRing } = createHub({
      ring: { records: 10, bytes: 1 << 20 },
    });
    const [slow, fast] = [subscribe('/'), subscribe('/')];
    slow.isFull = true;
    for (let i = 0; i < 20; i++) {
      publish('/');
      await settle();
    }
    expect(beforeRing()).toBe(0);
    slow.isFull = false;
    hub.onWritable(slow.subscriber!);
    await settle();
    expect(beforeRing()).toBe(1);
    expect(slow.subscriber!.phase).toMatchObject({ name: 'replaying', place: { floor: Positions.of([1n]) } });
    expect(fast.events).toHaveLength(20);
  });

  it('drops a sink that throws, and no other', async () => {
    const { publish, subscribe, settle, errors } = createHub();
    const [before, broken, after] = [subscribe('/'), subscribe('/'), subscribe('/')];
    broken.onWrite = () => {
      throw new Error('broken sink');
    };
    publish('/', 'a');
    publish('/', 'b');
    await settle();
    expect(errors).toHaveLength(1);
    expect(broken.subscriber!.phase.name).toBe('closed');
    expect([before.hasFailed, broken.hasFailed, after.hasFailed]).toEqual([false, true, false]);
    expect([before.events, after.events]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('serves everyone once when members leave in the middle of a pass that yields', async () => {
    const { hub, publish, subscribe, settle } = createHub({ writesPerTurn: 4 });
    const sinks = Array.from({ length: 20 }, () => subscribe('/'));
    publish('/', 'a');
    await turn();
    const served = sinks.filter(({ events }) => events.length > 0);
    expect(served.length).toBeGreaterThan(0);
    expect(served.length).toBeLessThan(20);
    for (const sink of [...served.slice(0, 2), ...sinks.slice(0, 2)]) hub.unsubscribe(sink.subscriber!);
    await settle();
    const staying = sinks.filter(({ subscriber }) => subscriber!.phase.name === 'live');
    expect(staying).toHaveLength(16);
    for (const { events } of staying) expect(events).toEqual(['a']);
  });

  it('keeps what comes during a pass for who waits for its end, even when all members leave', async () => {
    const { hub, publish, subscribe, settle } = createHub({ writesPerTurn: 4 });
    const members = Array.from({ length: 6 }, () => subscribe('/'));
    publish('/', 'a');
    await turn();
    const late = subscribe('/');
    for (const { subscriber } of members) hub.unsubscribe(subscriber!);
    publish('/', 'b');
    await settle();
    expect(late.events).toEqual(['b']);
  });

  it('asks the reader to wait while an audience is more than half a ring behind, and to go on after', async () => {
    const { hub, publish, subscribe, settle, pressure } = createHub({
      ring: { records: 100, bytes: 1 << 20 },
    });
    const sink = subscribe('/');
    for (let i = 0; i < 51; i++) publish('/');
    hub.flush();
    expect(pressure).toEqual([true]);
    await settle();
    expect(pressure).toEqual([true, false]);
    expect(sink.events).toHaveLength(51);
    expect(hub.stats().holds).toBe(1);
  });

  it('is never held back by a stream that is fed alone', async () => {
    const { hub, publish, subscribe, settle, pressure } = createHub();
    const slow = subscribe('/');
    slow.isFull = true;
    for (let i = 0; i < 90; i++) {
      publish('/');
      hub.flush();
      await settle();
    }
    expect(pressure).toEqual([]);
  });

  it('says no position for a stream with something pending, and the head for one without', async () => {
    const { hub, publish, subscribe, settle } = createHub();
    const sink = subscribe('/');
    const other = subscribe('/other');
    publish('/', 'a');
    expect(hub.servedPositions(sink.subscriber!)).toBeNull();
    expect(hub.servedPositions(other.subscriber!)).toEqual(Positions.of([1n]));
    await settle();
    expect(hub.servedPositions(sink.subscriber!)).toEqual(Positions.of([1n]));
  });

  it('gives everyone what comes after a restart, also who was behind', async () => {
    const { hub, publish, subscribe, settle } = createHub();
    const [slow, fast] = [subscribe('/'), subscribe('/')];
    slow.isFull = true;
    publish('/', 'a');
    await settle();
    publish('/', 'lost with the old log');
    await settle();
    hub.restart(Positions.of([100n]));
    publish(null, 'reset');
    slow.isFull = false;
    hub.onWritable(slow.subscriber!);
    await settle();
    expect(slow.events).toEqual(['a', 'reset']);
    expect(fast.events).toEqual(['a', 'lost with the old log', 'reset']);
  });

  it('counts what each stream was given, whichever way it got it', async () => {
    const { hub, publish, subscribe, settle } = createHub({ sliceBytes: 12 });
    const sinks = [subscribe('/'), subscribe('/'), subscribe('/a')];
    const [slow] = sinks as [FakeSink];
    const sent = () => sinks.map(({ subscriber }) => hub.sentTo(subscriber!));
    const got = () => sinks.map(({ events }) => events.length);
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < round % 4; i++) publish(i === 1 ? '/a' : '/');
      slow.isFull = round % 5 < 2;
      if (!slow.isFull) hub.onWritable(slow.subscriber!);
      if (round % 6 === 0) sinks.push(subscribe('/'));
      await settle();
      expect(sent()).toEqual(got());
    }
    expect(got()[1]).toBe(43);
    expect(new Set(got()).size).toBeGreaterThan(5);
  });

  it('counts a pass for those it has served when it yields, and for nobody twice', async () => {
    const { hub, publish, subscribe, settle } = createHub({ writesPerTurn: 4 });
    const sinks = Array.from({ length: 10 }, () => subscribe('/'));
    const sent = () => sinks.map(({ subscriber }) => hub.sentTo(subscriber!));
    publish('/', 'a');
    await turn();
    expect(sent()).toEqual(sinks.map(({ events }) => events.length));
    expect(new Set(sent())).toEqual(new Set([0, 1]));
    await settle();
    expect(new Set(sent())).toEqual(new Set([1]));
  });

  it('says how many records a stream is behind: live, full, and before the ring', async () => {
    const { hub, publish, subscribe, settle } = createHub({ ring: { records: 10, bytes: 1 << 20 } });
    const [slow, live] = [subscribe('/'), subscribe('/')];
    const behind = () => [slow, live].map(({ subscriber }) => hub.recordsBehind(subscriber!));
    slow.isFull = true;
    publish('/');
    expect(behind()).toEqual([1, 1]);
    await settle();
    expect(behind()).toEqual([0, 0]);
    for (let i = 0; i < 3; i++) publish('/');
    await settle();
    expect(behind()).toEqual([3, 0]);
    for (let i = 0; i < 20; i++) publish('/');
    slow.isFull = false;
    hub.onWritable(slow.subscriber!);
    await settle();
    expect(slow.subscriber!.phase.name).toBe('replaying');
    expect(behind()).toEqual([23, 0]);
  });
});
