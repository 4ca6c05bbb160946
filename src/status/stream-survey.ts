import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Hub } from '../hub/hub';
import type { OpenStreams } from '../sse/open-streams';
import type { SseStream } from '../sse/sse-stream';

/**
 * `starting`: it is being found out where it begins; `live`: gets what comes, together with the others; `catching_up`:
 * is given its past from the ring; `backfilling`: is given what is older than the ring; `blocked`: its client takes
 * less than comes.
 */
export const STREAM_STATES = ['starting', 'live', 'catching_up', 'backfilling', 'blocked'] as const;
export type StreamState = (typeof STREAM_STATES)[number];

/** All open streams at about one moment. */
export interface StreamSurvey {
  readonly states: Readonly<Record<StreamState, number>>;
  /** Bytes that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /** Records that were read and that the stream furthest behind has yet to be given or to pass over. */
  readonly maxBehind: number;
}

export interface StreamSurveyDeps {
  readonly hub: Pick<Hub, 'recordsBehind'>;
  readonly streams: Pick<OpenStreams, 'snapshot'>;
  /** Streams after which the event loop gets its turn. */
  readonly streamsPerTurn: number;
}

/** Looks at every stream once, over many turns of the event loop. */
export async function surveyStreams({
  hub,
  streams,
  streamsPerTurn,
}: StreamSurveyDeps): Promise<StreamSurvey> {
  const states: Record<StreamState, number> = {
    starting: 0,
    live: 0,
    catching_up: 0,
    backfilling: 0,
    blocked: 0,
  };
  let bufferedBytes = 0;
  let maxBehind = 0;
  for (const [i, stream] of streams.snapshot().entries()) {
    if (i > 0 && i % streamsPerTurn === 0) await nextTurn();
    if (!stream.isOpen) continue;
    states[stateOf(stream)]++;
    bufferedBytes += stream.bufferedBytes;
    if (stream.subscriber !== null) maxBehind = Math.max(maxBehind, hub.recordsBehind(stream.subscriber));
  }
  return { states, bufferedBytes, maxBehind };
}

function stateOf({ subscriber, isBlocked }: SseStream): StreamState {
  if (subscriber === null) return 'starting';
  if (isBlocked) return 'blocked';
  if (subscriber.state === 'live') return 'live';
  return subscriber.seq === null ? 'backfilling' : 'catching_up';
}
