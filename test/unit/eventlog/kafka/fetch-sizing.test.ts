import { FetchSizing } from '../../../../src/eventlog/kafka/fetch-sizing';

const MAX = 4 << 20;
const SLOW_MS = 2_000;
const sizing = () => new FetchSizing({ maxBytes: MAX, slowMs: SLOW_MS });

it('asks for all that is allowed while nothing is known', () => {
  expect(sizing().bytes).toBe(MAX);
});

it('asks for half as much after each slow answer, down to a sixty-fourth', () => {
  const fetches = sizing();
  const asked: number[] = [];
  for (let i = 0; i < 8; i++) {
    fetches.answered(fetches.bytes, SLOW_MS + 1);
    asked.push(fetches.bytes);
  }
  expect(asked.map((bytes) => MAX / bytes)).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
});

it('asks for half of what was slow, when that is less than was allowed', () => {
  const fetches = sizing();
  fetches.answered(MAX / 8, SLOW_MS + 1);
  expect(fetches.bytes).toBe(MAX / 16);
});

it('asks for half as much after an answer that did not arrive', () => {
  const fetches = sizing();
  fetches.lost();
  expect(fetches.bytes).toBe(MAX / 2);
});

it('asks for twice as much after each fast answer that used what it was given, up to all', () => {
  const fetches = sizing();
  for (let i = 0; i < 6; i++) fetches.lost();
  const asked: number[] = [];
  for (let i = 0; i < 7; i++) {
    fetches.answered(fetches.bytes, SLOW_MS / 4 - 1);
    asked.push(MAX / fetches.bytes);
  }
  expect(asked).toEqual([32, 16, 8, 4, 2, 1, 1]);
});

it.each([
  ['neither slow nor fast', MAX / 2, SLOW_MS / 2],
  ['fast and small', MAX / 64, 1],
  // The broker took its time: less would have come no sooner.
  ['slow and small', MAX / 64, 60_000],
  ['empty', 0, 60_000],
])('asks for as much as before after an answer that was %s', (_, bytes, tookMs) => {
  const fetches = sizing();
  fetches.lost();
  fetches.answered(bytes, tookMs);
  expect(fetches.bytes).toBe(MAX / 2);
});

it('settles on a link of 0.5 MB a second', () => {
  const fetches = sizing();
  const asked: number[] = [];
  for (let i = 0; i < 10; i++) {
    fetches.answered(fetches.bytes, fetches.bytes / 500);
    asked.push(fetches.bytes);
  }
  expect(asked.slice(3)).toEqual(Array(7).fill(MAX / 8));
});
