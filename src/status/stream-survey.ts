import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Hub } from '../hub/hub';
import type { OpenStreams } from '../sse/open-streams';
import { type StreamState, streamStateOf } from './stream-state';

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
    states[streamStateOf(stream)]++;
    bufferedBytes += stream.bufferedBytes;
    if (stream.subscriber !== null) maxBehind = Math.max(maxBehind, hub.recordsBehind(stream.subscriber));
  }
  return { states, bufferedBytes, maxBehind };
}
