import type { Phase, Subscriber } from '../../../src/hub/subscriber';
import type { SseStream } from '../../../src/sse/sse-stream';
import { surveyStreams } from '../../../src/status/snapshot';

const STREAMS_PER_TURN = 2_000;

interface Fake {
  readonly phase?: Phase['name'] | null;
  readonly isBlocked?: boolean;
  readonly isOpen?: boolean;
  readonly bufferedBytes?: number;
  readonly behind?: number;
}

function fakeStream({ phase = 'live', isBlocked = false, isOpen = true, ...rest }: Fake): SseStream {
  const { bufferedBytes = 0, behind = 0 } = rest;
  const subscriber = phase === null ? null : { phase: { name: phase }, behind };
  return { subscriber, isBlocked, isOpen, bufferedBytes } as unknown as SseStream;
}

const survey = (streams: readonly SseStream[]) =>
  surveyStreams(
    { recordsBehind: (subscriber: Subscriber) => (subscriber as unknown as { behind: number }).behind },
    streams,
    STREAMS_PER_TURN,
  );

describe('the survey of the streams', () => {
  it('counts each stream in one phase, and adds up unsent bytes', async () => {
    const found = await survey(
      [
        { phase: null },
        { bufferedBytes: 10 },
        {},
        { phase: 'catching-up' as const, behind: 40 },
        { phase: 'replaying' as const, behind: 9_000 },
        { phase: 'slow' as const, isBlocked: true, bufferedBytes: 70_000, behind: 3 },
        { isBlocked: true },
        { phase: 'joining' as const },
        { phase: 'ahead' as const },
        { isOpen: false, bufferedBytes: 1 << 30, behind: 1 << 30 },
      ].map(fakeStream),
    );
    expect(found).toEqual({
      phases: { starting: 1, live: 2, 'catching-up': 1, replaying: 1, joining: 1, ahead: 1, slow: 2 },
      bufferedBytes: 70_010,
      maxBehind: 9_000,
    });
  });

  it('yields to the event loop', async () => {
    const streams = Array.from({ length: 20_000 }, () => fakeStream({}));
    let turns = 0;
    let isRunning = true;
    const count = () => {
      turns++;
      if (isRunning) setImmediate(count);
    };
    setImmediate(count);
    const { phases } = await survey(streams);
    isRunning = false;
    expect(phases.live).toBe(20_000);
    expect(turns).toBeGreaterThanOrEqual(20_000 / STREAMS_PER_TURN - 1);
  });
});
