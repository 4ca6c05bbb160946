import { Positions } from '../../../src/hub/positions';
import { Ring } from '../../../src/hub/ring';
import { entryOf } from '../../support/fake-sink';

const SINCE = -1_000n;

describe('Ring', () => {
  // Its partition had no leader when this gateway started, so at first only the time was known.
  it('does not let a time stand for an offset that a client has', () => {
    const ring = new Ring({ records: 10, bytes: 1 << 20 });
    ring.restart(Positions.of([0n, SINCE]));
    ring.append(entryOf('/', 'x'), Positions.of([1n, SINCE]));
    const before = ring.positions;
    ring.setStart(1, 7n);
    const floor = Positions.of([0n, 7n]);
    expect(ring.canStandFor(before, floor)).toBe(false);
    expect(ring.merge(before, floor)).toEqual(Positions.of([1n, 7n]));
    expect(ring.canStandFor(ring.positions, floor)).toBe(true);
    // A client that knows the time only loses nothing by it.
    expect(ring.canStandFor(before, Positions.of([0n, SINCE]))).toBe(true);
  });
});
