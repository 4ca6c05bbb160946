import type { Subscriber } from '../../../src/hub/subscriber';
import type { SseStream } from '../../../src/sse/sse-stream';
import { surveyStreams } from '../../../src/status/snapshot';

const STREAMS_PER_TURN = 2_000;

interface Fake {
  readonly state?: 'live' | 'private' | null;
  readonly seq?: number | null;
  readonly isBlocked?: boolean;
  readonly isOpen?: boolean;
  readonly bufferedBytes?: number;
  readonly behind?: number;
}

function fakeStream({ state = 'live', seq = 0, isBlocked = false, isOpen = true, ...rest }: Fake): SseStream {
  const { bufferedBytes = 0, behind = 0 } = rest;
  const subscriber = state === null ? null : { state, seq, behind };
  return { subscriber, isBlocked, isOpen, bufferedBytes } as unknown as SseStream;
}

const survey = (streams: readonly SseStream[]) =>
  surveyStreams({
    hub: { recordsBehind: (subscriber: Subscriber) => (subscriber as unknown as { behind: number }).behind },
    streams: { snapshot: () => [...streams] },
    streamsPerTurn: STREAMS_PER_TURN,
  });

describe('the survey of the streams', () => {
  it('finds each in one state, and adds up what they hold', async () => {
    const found = await survey(
      [
        { state: null },
        { bufferedBytes: 10 },
        {},
        { state: 'private' as const, seq: 7, behind: 40 },
        { state: 'private' as const, seq: null, behind: 9_000 },
        { state: 'private' as const, isBlocked: true, bufferedBytes: 70_000, behind: 3 },
        { isOpen: false, bufferedBytes: 1 << 30, behind: 1 << 30 },
      ].map(fakeStream),
    );
    expect(found).toEqual({
      states: { starting: 1, live: 2, catching_up: 1, backfilling: 1, blocked: 1 },
      bufferedBytes: 70_010,
      maxBehind: 9_000,
    });
  });

  it('lets other work have its turn in between', async () => {
    const streams = Array.from({ length: 20_000 }, () => fakeStream({}));
    let turns = 0;
    let isRunning = true;
    const count = () => {
      turns++;
      if (isRunning) setImmediate(count);
    };
    setImmediate(count);
    const { states } = await survey(streams);
    isRunning = false;
    expect(states.live).toBe(20_000);
    expect(turns).toBeGreaterThanOrEqual(20_000 / STREAMS_PER_TURN - 1);
  });
});
