import { setImmediate as turn } from 'node:timers/promises';
import { createHistoryCache } from '../../../src/events/history-cache';
import { ChannelIndex } from '../../../src/hub/channel-index';
import type { HistoryChunk } from '../../../src/hub/replay';

function chunk(from: bigint, bytes = 100): HistoryChunk {
  return { slot: 0, from, next: from + 10n, bytes, entries: [], index: new ChannelIndex(), isFinal: true };
}

describe('the history cache', () => {
  afterEach(() => jest.useRealTimers());

  it('gives back what it keeps for as long as it may, used again or not', () => {
    jest.useFakeTimers();
    const cache = createHistoryCache({ bytes: 1_000, digestBytes: 0, ageMs: 30_000 });
    const kept = chunk(0n);
    cache.keep(kept);
    jest.advanceTimersByTime(29_999);
    expect(cache.find(0, 5n)).toBe(kept);
    jest.advanceTimersByTime(1);
    expect(cache.find(0, 5n)).toBeNull();
    expect(cache.bytes).toBe(0);
  });

  it('keeps nothing beyond the turn when the age is 0', async () => {
    const cache = createHistoryCache({ bytes: 1_000, digestBytes: 0, ageMs: 0 });
    const kept = chunk(0n);
    cache.keep(kept);
    expect(cache.find(0, 5n)).toBe(kept);
    await turn();
    expect(cache.find(0, 5n)).toBeNull();
    expect(cache.bytes).toBe(0);
  });

  it('lets go of the oldest over its bytes, of all when cleared, and of each once', () => {
    jest.useFakeTimers();
    const cache = createHistoryCache({ bytes: 250, digestBytes: 0, ageMs: 1_000 });
    for (const from of [0n, 10n, 20n]) cache.keep(chunk(from));
    expect(cache.find(0, 5n)).toBeNull();
    expect(cache.bytes).toBe(200);
    cache.clear();
    expect(cache.bytes).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });
});
