import { setImmediate as turn } from 'node:timers/promises';
import { Positions } from '../../../src/hub/positions';
import { createSubscription } from '../../../src/hub/subscription';
import { FakeClock } from '../../support/fake-clock';
import { entryOf, FakeSink } from '../../support/fake-sink';
import { createTestHistory, createTestHub } from '../../support/hub';

const START = { at: 'floor', floor: Positions.of([0n]) } as const;

describe('streams that catch up', () => {
  it('are served for 5 ms a turn, whatever their slices take', async () => {
    const clock = new FakeClock();
    const hub = createTestHub({ clock });
    hub.restart(Positions.of([0n]));
    hub.publish(entryOf('/a', 'x'), Positions.of([1n]));
    const sinks = Array.from({ length: 10 }, () => {
      const sink = new FakeSink();
      sink.onWrite = () => clock.pass(2);
      sink.subscriber = hub.subscribe(createSubscription({ channels: ['/a'] }), sink, START);
      return sink;
    });
    const served = () => sinks.filter(({ events }) => events.length > 0).length;
    const counts: number[] = [];
    while (served() < sinks.length && counts.length < 10) {
      await turn();
      counts.push(served());
    }
    // The third one begins after 4 ms, and no more after 6.
    expect(counts).toEqual([3, 6, 9, 10]);
    hub.close();
  });

  it('are sent history up to the middle of the ring, which does not go over them at once', async () => {
    const asked: bigint[] = [];
    const history = createTestHistory({
      read(_slot, _from, to) {
        asked.push(to);
        return new Promise(() => undefined);
      },
    });
    const hub = createTestHub({ ring: { records: 10, bytes: 1 << 20 }, history });
    hub.restart(Positions.of([0n]));
    for (let i = 1n; i <= 30n; i++) hub.publish(entryOf('/a', `${i}`), Positions.of([i]));
    const sink = new FakeSink();
    sink.subscriber = hub.subscribe(createSubscription({ channels: ['/a'] }), sink, START);
    await turn();
    expect(asked).toEqual([25n]);
    hub.close();
  });
});
