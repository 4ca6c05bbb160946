import { OpenStreams } from '../../../src/sse/open-streams';
import type { SseStream } from '../../../src/sse/sse-stream';
import { drainStreams } from '../../../src/sse/stream-rounds';

const STREAMS = 50;
const CLOSES_PER_TURN = 10;

/** Streams that only count how many of them were ended since the event loop had its turn. */
function openStreams(onEnd: () => void): OpenStreams {
  const streams = new OpenStreams();
  for (let i = 0; i < STREAMS; i++) {
    const stream = {
      isOpen: true,
      place: 0,
      end() {
        this.isOpen = false;
        onEnd();
        streams.remove(this as unknown as SseStream, 'drain');
      },
    };
    streams.add(stream as unknown as SseStream);
  }
  return streams;
}

describe('draining', () => {
  it.each([0, 1])('within %s ms ends all streams, a bounded number in each turn', async (drainMs) => {
    let inTurn = 0;
    let most = 0;
    const streams = openStreams(() => {
      most = Math.max(most, ++inTurn);
      setImmediate(() => {
        inTurn = 0;
      });
    });
    await drainStreams(streams, { drainMs, gapMs: 10, closesPerTurn: CLOSES_PER_TURN });
    expect(streams.count).toBe(0);
    expect(most).toBeLessThanOrEqual(CLOSES_PER_TURN);
  });

  it.each([
    [60_000, 4, STREAMS * 4],
    [100, 60_000, 100],
    [60_000, 0, 0],
  ])('within %s ms, one each %s ms at the least, takes about %s ms', async (drainMs, gapMs, expectedMs) => {
    const startMs = performance.now();
    let lastMs = 0;
    const streams = openStreams(() => {
      lastMs = performance.now() - startMs;
    });
    await drainStreams(streams, { drainMs, gapMs, closesPerTurn: CLOSES_PER_TURN });
    expect(streams.count).toBe(0);
    expect(lastMs).toBeGreaterThanOrEqual(expectedMs * 0.7);
    expect(lastMs).toBeLessThan(expectedMs + 5_000);
  });
});
