import { setImmediate as turn } from 'node:timers/promises';
import { Positions } from '../../../src/hub/positions';
import { createSubscription } from '../../../src/hub/subscription';
import { entryOf, FakeSink } from '../../support/fake-sink';
import { createTestHub } from '../../support/hub';

const MEMBERS = 20;
const SLOW = 40;
const WRITES_PER_TURN = 4;
/** What a pass over all of them takes. */
const PASS_TURNS = (MEMBERS + SLOW) / WRITES_PER_TURN;

describe('streams that have caught up while a pass runs', () => {
  it('are members after it, however many they are and whatever comes meanwhile', async () => {
    const hub = createTestHub({
      ring: { records: 1_000, bytes: 1 << 20 },
      writesPerTurn: WRITES_PER_TURN,
    });
    hub.restart(Positions.of([0n]));
    let published = 0;
    const publish = (channel: string) => {
      hub.publish(entryOf(channel, `e${published}`), Positions.of([BigInt(++published)]));
      hub.flush();
    };
    const subscription = createSubscription({ channels: ['/a'] });
    const subscribe = () => {
      const sink = new FakeSink();
      sink.subscriber = hub.subscribe(subscription, sink);
      return sink;
    };
    const all = Array.from({ length: MEMBERS + SLOW }, subscribe);
    const slow = all.slice(0, SLOW);
    for (const sink of slow) sink.isFull = true;
    publish('/a');
    for (let i = 0; i < PASS_TURNS; i++) await turn();
    expect(new Set(slow.map(({ subscriber }) => subscriber!.phase.name))).toEqual(new Set(['slow']));
    for (const sink of slow) {
      sink.isFull = false;
      hub.onWritable(sink.subscriber!);
    }
    // The next record is always there before a pass ends, and one of another channel lies before it.
    let turns = 0;
    for (; slow.some(({ subscriber }) => subscriber!.phase.name !== 'live'); turns++) {
      publish('/other');
      publish('/a');
      await turn();
      // Fed alone after each pass, some of them would never be.
      expect(turns).toBeLessThan(3 * PASS_TURNS);
    }
    hub.close();
  });
});
