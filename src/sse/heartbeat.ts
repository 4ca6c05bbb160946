import { type Chunk, createChunk } from '../hub/chunk';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import { encodeHeartbeat } from './frame';
import type { SseStream } from './sse-stream';
import type { StreamCounts } from './stream-counts';

export interface HeartbeatDeps {
  readonly hub: Hub;
  readonly idOf: (positions: Positions) => string;
  readonly counts: StreamCounts;
  /** Silence after which a stream gets a comment. */
  readonly heartbeatMs: number;
}

/** A quiet, filtered client moves on with every one of these: its id then says how far the log has been read. */
const HEARTBEATS_PER_ID = 4;

/** Keeps a quiet stream alive, so that no proxy gives it up. */
export interface Heartbeat {
  /** Writes a comment when nothing was written for long enough. */
  beat(stream: SseStream, nowMs: number): void;
}

export function createHeartbeat({ hub, idOf, counts, heartbeatMs }: HeartbeatDeps): Heartbeat {
  const plain = chunkOf(encodeHeartbeat(null));
  /** Of the positions asked for last: many streams have the same. */
  let positioned = { positions: null as Positions | null, chunk: plain };

  function chunkFor(positions: Positions | null): Chunk {
    if (positions === null) return plain;
    if (positions !== positioned.positions)
      positioned = { positions, chunk: chunkOf(encodeHeartbeat(idOf(positions))) };
    return positioned.chunk;
  }

  return {
    beat(stream, nowMs) {
      if (nowMs - stream.writtenAtMs < heartbeatMs || !stream.isOpen || stream.bufferedBytes > 0) return;
      const { subscriber } = stream;
      counts.heartbeats++;
      const isDue = ++stream.heartbeats % HEARTBEATS_PER_ID === 0;
      // Null also for a stream with something pending: an id never covers what was not sent.
      const positions = isDue && subscriber !== null ? hub.servedPositions(subscriber) : null;
      stream.beat(chunkFor(positions), nowMs);
    },
  };
}

function chunkOf(text: string): Chunk {
  const bytes = Buffer.from(text);
  return createChunk([bytes], bytes.length);
}
