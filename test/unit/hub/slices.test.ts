import { Positions } from '../../../src/hub/positions';
import { type SliceSource, Slices } from '../../../src/hub/slice';
import { createSubscription } from '../../../src/hub/subscription';
import { entryOf } from '../../support/fake-sink';
import { createTestHub } from '../../support/hub';

describe('slices', () => {
  // An id leaves out what a stream has of the other logs of a partition that was truncated.
  it('are shared among streams that have the same, not among those with the same id', () => {
    const { ring } = createTestHub();
    const slices = new Slices({
      ring,
      sliceBytes: 100,
      withMeta: (entry) => entry,
      idLine: () => Buffer.from('id: same\n'),
      lineInstead: () => null,
    });
    const subscription = createSubscription({ channels: ['/'] });
    const key = {};
    const asked: Positions[] = [];
    const sourceAt = (floor: Positions): SliceSource => ({
      key,
      start: 0,
      stop: 1,
      floor,
      heldBack: null,
      at: () => entryOf('/', 'x'),
      candidates: () => ({ next: (from) => from }),
      isDue: () => true,
      ownPositionsAfter() {
        asked.push(floor);
        return floor;
      },
    });
    for (const floor of [Positions.of([0n, 2n]), Positions.of([0n, 3n]), Positions.of([0n, 3n])])
      slices.of(subscription, sourceAt(floor));
    expect(asked).toEqual([Positions.of([0n, 2n]), Positions.of([0n, 3n])]);
  });
});
