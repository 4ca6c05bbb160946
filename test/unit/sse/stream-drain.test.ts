import { OpenStreams } from '../../../src/sse/open-streams';
import type { SseStream } from '../../../src/sse/sse-stream';
import { drainStreams } from '../../../src/sse/stream-drain';

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
    await drainStreams(streams, { drainMs, closesPerTurn: CLOSES_PER_TURN });
    expect(streams.count).toBe(0);
    expect(most).toBeLessThanOrEqual(CLOSES_PER_TURN);
  });
});
