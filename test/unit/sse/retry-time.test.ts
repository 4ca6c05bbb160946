import { createRetryTime } from '../../../src/sse/sse-stream';

describe('the reconnect time', () => {
  it('is every whole number from the least to the most, and none beyond', () => {
    const retryMs = createRetryTime({ retryMinMs: 3, retryMaxMs: 5 });
    const seen = new Set(Array.from({ length: 1_000 }, retryMs));
    expect([...seen].sort()).toEqual([3, 4, 5]);
  });

  it('is the same each time when both are', () => {
    const retryMs = createRetryTime({ retryMinMs: 7, retryMaxMs: 7 });
    expect([retryMs(), retryMs()]).toEqual([7, 7]);
  });
});
