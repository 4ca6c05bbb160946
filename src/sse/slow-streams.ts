import type { SseStream } from './sse-stream';

export interface SlowStreamsLimits {
  /** A stream that holds unsent bytes and has not taken one for this long is closed. */
  readonly slowGraceMs: number;
  /** Unsent bytes of all streams together. */
  readonly maxBufferedBytes: number;
}

/** Closes streams that take nothing, and the fullest ones when all together hold too much. */
export interface SlowStreams {
  judge(stream: SseStream, nowMs: number): void;
  /** After every stream was judged. */
  judgeAll(streams: readonly SseStream[]): void;
}

export function createSlowStreams({ slowGraceMs, maxBufferedBytes }: SlowStreamsLimits): SlowStreams {
  return {
    judge(stream, nowMs) {
      if (!stream.isBlocked) return;
      const { queuedBytes, stalled } = stream;
      if (stalled?.queuedBytes !== queuedBytes) stream.stalled = { queuedBytes, sinceMs: nowMs };
      else if (nowMs - stalled.sinceMs >= slowGraceMs) stream.destroy('slow');
    },
    judgeAll(streams) {
      const full = streams.filter(({ isOpen, bufferedBytes }) => isOpen && bufferedBytes > 0);
      let total = full.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
      if (total <= maxBufferedBytes) return;
      for (const stream of full.sort((a, b) => b.bufferedBytes - a.bufferedBytes)) {
        if (total <= maxBufferedBytes) return;
        total -= stream.bufferedBytes;
        stream.destroy('full');
      }
    },
  };
}
