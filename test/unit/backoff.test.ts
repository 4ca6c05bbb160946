import { createBackoff } from '../../src/backoff';

async function waitedMs(wait: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await wait();
  return performance.now() - startMs;
}

it('doubles its pauses up to the longest, and begins anew after a reset', async () => {
  const { signal } = new AbortController();
  const backoff = createBackoff(10, 40, () => 1);
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) pauses.push(await waitedMs(() => backoff.wait(signal)));
  backoff.reset();
  pauses.push(await waitedMs(() => backoff.wait(signal)));
  for (const [index, leastMs] of [10, 20, 40, 40, 10].entries()) {
    expect(pauses[index]).toBeGreaterThan(leastMs - 2);
  }
  expect(pauses[4]).toBeLessThan(pauses[2]!);
});

it('ends at once when the signal aborts, before or meanwhile', async () => {
  const closing = new AbortController();
  const backoff = createBackoff(60_000, 60_000);
  const waiting = backoff.wait(closing.signal);
  closing.abort();
  await waiting;
  await backoff.wait(closing.signal);
});
