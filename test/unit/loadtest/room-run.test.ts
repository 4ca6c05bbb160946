import { sharesOf } from '../../../loadtest/rooms/room-run';

function shares(clients: number, clientsPerProcess: number) {
  return sharesOf({ ports: [1], clients, roomSize: 6, clientsPerProcess }).map(({ first, count }) => [
    first,
    count,
  ]);
}

describe('the clients of a room run', () => {
  it('stay in one process while it may hold them all', () => {
    expect(shares(18_000, 18_000)).toEqual([[0, 18_000]]);
    expect(shares(18_000, Number.POSITIVE_INFINITY)).toEqual([[0, 18_000]]);
  });

  it('are split equally, each once, with no process over its limit', () => {
    expect(shares(18_001, 18_000)).toEqual([
      [0, 9_000],
      [9_000, 9_001],
    ]);
    for (const limit of [1, 7, 333, 999]) {
      const all = shares(1_000, limit);
      let next = 0;
      for (const [first, count] of all) {
        expect(first).toBe(next);
        expect(count).toBeLessThanOrEqual(limit);
        next += count!;
      }
      expect(next).toBe(1_000);
      expect(all).toHaveLength(Math.ceil(1_000 / limit));
    }
  });
});
