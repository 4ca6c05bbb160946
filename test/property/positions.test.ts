import fc from 'fast-check';
import { Positions } from '../../src/hub/positions';

const SLOTS = 100;
const position = fc.bigInt({ min: -5n, max: 5n });
const values = fc.array(position, { maxLength: SLOTS });
const moves = fc.array(fc.tuple(fc.nat(SLOTS - 1), position), { maxLength: 20 });

/** What `moves` make of positions, and of an array. */
function moved(
  from: readonly bigint[],
  steps: readonly (readonly [number, bigint])[],
): [Positions, bigint[]] {
  let positions = Positions.of(from);
  const array = [...from];
  for (const [slot, value] of steps) {
    if (slot >= array.length) continue;
    positions = positions.with(slot, value);
    array[slot] = value;
  }
  return [positions, array];
}

describe('Positions', () => {
  it('are what an array of their values is', () => {
    fc.assert(
      fc.property(values, moves, values, (from, steps, added) => {
        const before = Positions.of(from);
        const [positions, array] = moved(from, steps);
        expect([...before]).toEqual(from);
        expect([...positions]).toEqual(array);
        expect([...positions.concat(added)]).toEqual([...array, ...added]);
        expect(Array.from({ length: array.length + 1 }, (_, slot) => positions.at(slot))).toEqual([
          ...array,
          undefined,
        ]);
        expect(() => positions.with(array.length, 0n)).toThrow(RangeError);
      }),
    );
  });

  it('are compared by value, whatever they share', () => {
    fc.assert(
      fc.property(values, moves, moves, values, (from, steps, others, added) => {
        const [one, array] = moved(from, steps);
        const base = moved(from, steps)[0];
        const [other, otherArray] = others.reduce(
          ([last, lastArray], [slot, value]) =>
            slot < lastArray.length
              ? [last.with(slot, value), lastArray.with(slot, value)]
              : [last, lastArray],
          [one, array],
        );
        expect(one.equals(base)).toBe(true);
        expect(one.equals(other)).toBe(array.join() === otherArray.join());
        expect(one.equals(one.concat(added))).toBe(added.length === 0);
      }),
    );
  });

  it('walks past no slot in which two differ', () => {
    fc.assert(
      fc.property(values, moves, fc.nat(SLOTS), (from, steps, end) => {
        const one = Positions.of(from);
        const [other, array] = moved(from, steps);
        const seen = new Set<number>();
        for (let slot = one.nextUnshared(other, 0, end); slot < end; ) {
          seen.add(slot);
          slot = one.nextUnshared(other, slot + 1, end);
        }
        for (const [slot, value] of from.entries())
          if (slot < end && value !== array[slot]) expect(seen).toContain(slot);
      }),
    );
  });

  it('shares all blocks but the one that moved', () => {
    const one = Positions.of(new Array<bigint>(1_000).fill(1n));
    const other = one.with(500, 2n);
    const unshared: number[] = [];
    for (let slot = one.nextUnshared(other, 0, 1_000); slot < 1_000; ) {
      unshared.push(slot);
      slot = one.nextUnshared(other, slot + 1, 1_000);
    }
    expect(unshared).toHaveLength(32);
    expect(unshared).toContain(500);
    expect(other.ownBytes).toBeLessThan(1_000);
  });
});
