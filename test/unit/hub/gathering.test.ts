import { setImmediate as turn } from 'node:timers/promises';
import type { Hub, HubOptions } from '../../../src/hub/hub';
import { Positions } from '../../../src/hub/positions';
import { createSubscription } from '../../../src/hub/subscription';
import { FakeClock } from '../../support/fake-clock';
import { entryOf, FakeSink } from '../../support/fake-sink';
import { createTestHub } from '../../support/hub';

const WRITE_MS = 2;

/** A hub whose writes take time, and nothing else does. */
function createHub(options: Partial<HubOptions> = {}) {
  const clock = new FakeClock();
  const pressure: boolean[] = [];
  const hub: Hub = createTestHub({
    gather: 'auto',
    clock,
    ring: { records: 1_000, bytes: 1 << 20 },
    ...options,
  });
  hub.holdBack({ pause: () => pressure.push(true), resume: () => pressure.push(false) });
  hub.restart(Positions.of([0n]));
  let published = 0;
  return {
    hub,
    clock,
    pressure,
    subscribe(channel: string, writeMs = WRITE_MS, everyMs = 0) {
      const sink = new FakeSink();
      sink.onWrite = () => clock.pass(writeMs);
      sink.subscriber = hub.subscribe(createSubscription({ channels: [channel], everyMs }), sink);
      return sink;
    },
    async publish(channel: string | null, text: string) {
      hub.publish(entryOf(channel, text), Positions.of([BigInt(++published)]));
      hub.flush();
      await turn();
    },
    async pass(ms: number) {
      clock.pass(ms);
      await turn();
    },
  };
}

describe('gathering', () => {
  it('sends an event that comes alone at once, and after a quiet time the next one too', async () => {
    const { subscribe, publish, pass } = createHub();
    const sink = subscribe('/a');
    await publish('/a', '1');
    expect(sink.texts).toEqual(['1\n']);
    await pass(2 * WRITE_MS);
    await publish('/a', '2');
    expect(sink.texts).toEqual(['1\n', '2\n']);
  });

  it('lets what comes early wait until passes have taken a third of the time since the last one began', async () => {
    const { subscribe, publish, pass } = createHub();
    const sink = subscribe('/a');
    await publish('/a', '1');
    await publish('/a', '2');
    await pass(2 * WRITE_MS - 1);
    await publish('/a', '3');
    expect(sink.texts).toEqual(['1\n']);
    await pass(1);
    expect(sink.texts).toEqual(['1\n', '2\n3\n']);
  });

  it('lets nothing wait longer than 20 ms after a pass', async () => {
    const { subscribe, publish, pass } = createHub();
    const sink = subscribe('/a', 50);
    await publish('/a', '1');
    await publish('/a', '2');
    await pass(19);
    expect(sink.events).toEqual(['1']);
    await pass(1);
    expect(sink.events).toEqual(['1', '2']);
  });

  it('counts what passes of other audiences take meanwhile', async () => {
    const { subscribe, publish, pass } = createHub();
    const [sink, other] = [subscribe('/a', 1), subscribe('/b', 5)];
    await publish('/a', '1');
    await publish('/b', 'x');
    await publish('/a', '2');
    // Alone it would be due 3 ms after its last pass began; 6 ms of passes make it 18.
    await pass(11);
    expect(sink.events).toEqual(['1']);
    await pass(1);
    expect([sink.events, other.events]).toEqual([['1', '2'], ['x']]);
  });

  it('makes nobody wait whose last pass is long over, however busy others are', async () => {
    const { subscribe, publish, pass } = createHub();
    const [sink] = [subscribe('/a', 1), subscribe('/b', 30)];
    await publish('/a', '1');
    await publish('/b', 'x');
    await publish('/a', '2');
    expect(sink.events).toEqual(['1', '2']);
    await pass(0);
  });

  it('waits as long as is set after each pass, whatever the load', async () => {
    const { subscribe, publish, pass } = createHub({ gather: 100 });
    const sink = subscribe('/a');
    await publish('/a', '1');
    await pass(99);
    await publish('/a', '2');
    expect(sink.texts).toEqual(['1\n']);
    await pass(1);
    expect(sink.texts).toEqual(['1\n', '2\n']);
  });

  it('of 0 makes each event leave at once', async () => {
    const { subscribe, publish } = createHub({ gather: 0 });
    const sink = subscribe('/a');
    for (const text of ['1', '2', '3']) await publish('/a', text);
    expect(sink.texts).toEqual(['1\n', '2\n', '3\n']);
  });

  it('ends when what waits fills a write', async () => {
    const { subscribe, publish } = createHub({ gather: 1_000, sliceBytes: 20 });
    const sink = subscribe('/a');
    await publish('/a', '1');
    await publish('/a', 'nine more');
    expect(sink.texts).toEqual(['1\n']);
    await publish('/a', 'nine more');
    expect(sink.texts).toEqual(['1\n', 'nine more\nnine more\n']);
  });

  it('never holds back the reader: who waits is served when a quarter of the ring has come', async () => {
    const { subscribe, publish, pressure } = createHub({
      gather: 60_000,
      ring: { records: 100, bytes: 1 << 20 },
    });
    const sink = subscribe('/a');
    await publish('/a', '1');
    await publish('/a', '2');
    for (let i = 0; i < 24; i++) await publish('/other', 'x');
    expect(sink.events).toEqual(['1']);
    for (let i = 0; i < 80; i++) await publish('/other', 'x');
    expect(sink.events).toEqual(['1', '2']);
    expect(pressure).toEqual([]);
  });

  it('waits as long as the streams asked, which have an audience of their own', async () => {
    const reported: (string | null)[] = [];
    const { subscribe, publish, pass } = createHub({
      onPass: ({ first }) => reported.push(first?.bytes.toString() ?? null),
    });
    const [calm, usual] = [subscribe('/a', 0, 50), subscribe('/a', 0)];
    for (const text of ['1', '2', '3']) await publish('/a', text);
    await pass(49);
    expect([calm.texts, usual.texts]).toEqual([['1\n'], ['1\n', '2\n', '3\n']]);
    await pass(1);
    expect(calm.texts).toEqual(['1\n', '2\n3\n']);
    // A client must not make deliveries look late.
    expect(reported).toEqual([null, '1\n', '2\n', '3\n', null]);
  });

  it('ends with a notice of the gateway itself', async () => {
    const { subscribe, publish } = createHub();
    const sink = subscribe('/a', 0, 60_000);
    await publish('/a', '1');
    await publish('/a', '2');
    expect(sink.events).toEqual(['1']);
    await publish(null, 'gap');
    expect(sink.events).toEqual(['1', '2', 'gap']);
  });

  it('does not keep a stream that has caught up from hearing so', async () => {
    const { hub, subscribe, publish, pass } = createHub({ gather: 100 });
    const member = subscribe('/a');
    await publish('/a', '1');
    await publish('/a', '2');
    const late = new FakeSink();
    hub.subscribe(createSubscription({ channels: ['/a'] }), late, { at: 'floor', floor: Positions.of([2n]) });
    await pass(0);
    expect([late.replayed, late.events, member.events]).toEqual([[0], [], ['1']]);
    await publish('/a', '3');
    await pass(100);
    await pass(0);
    expect([late.replayed, late.events, member.events]).toEqual([[0], ['3'], ['1', '2', '3']]);
  });

  it('leaves no timer behind when the last stream closes, nor when the hub does', async () => {
    const { hub, clock, subscribe, publish } = createHub({ gather: 1_000 });
    const [sink] = [subscribe('/a'), subscribe('/b')];
    for (const text of ['1', '2']) {
      await publish('/a', text);
      await publish('/b', text);
    }
    expect(clock.timers).toBe(2);
    hub.unsubscribe(sink.subscriber!);
    expect(clock.timers).toBe(1);
    hub.close();
    expect(clock.timers).toBe(0);
  });
});
