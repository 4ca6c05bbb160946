import { setImmediate as turn } from 'node:timers/promises';
import { Positions } from '../../../src/hub/positions';
import { createSubscription } from '../../../src/hub/subscription';
import { FakeClock } from '../../support/fake-clock';
import { entryOf, FakeSink } from '../../support/fake-sink';
import { createTestHub } from '../../support/hub';

const SINKS = 10;

describe('while clients connect', () => {
  it('rounds of the event loop are left to them, and fan-out goes on all the same', async () => {
    let accepted = 0;
    // No time passes: on a slow machine rounds would end by time before they are used up.
    const clock = new FakeClock();
    const hub = createTestHub({ writesPerTurn: 2, accepted: () => accepted, clock });
    hub.restart(Positions.of([0n]));
    for (let i = 0; i < SINKS; i++) hub.subscribe(createSubscription({ channels: ['/a'] }), new FakeSink());
    hub.publish(entryOf('/a', 'x'), Positions.of([1n]));
    // One in each round, as Node takes them.
    let rounds = 0;
    for (; hub.stats().writes < SINKS; rounds++) {
      accepted++;
      await turn();
      expect(rounds).toBeLessThan(1_000);
    }
    const connecting = accepted;
    hub.publish(entryOf('/a', 'y'), Positions.of([2n]));
    for (let i = 0; i <= SINKS / 2; i++) await turn();
    expect(hub.stats().writes).toBe(2 * SINKS);
    // Many more connections than turns: five turns of two writes each.
    expect(connecting).toBeGreaterThan(20 * (SINKS / 2));
    hub.close();
  });
});
