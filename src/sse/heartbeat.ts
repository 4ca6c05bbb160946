import { type Chunk, createChunk } from '../hub/chunk';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import { HEARTBEAT } from '../wire/frame';
import { ownEvent } from '../wire/own-event';
import type { SseStream } from './sse-stream';
import type { StreamCounts } from './stream-counts';

export interface HeartbeatDeps {
  readonly hub: Hub;
  readonly idOf: (positions: Positions) => string;
  readonly counts: StreamCounts;
  /** How often `beat` is called for each stream. */
  readonly everyMs: number;
}

/** Every so many heartbeats a quiet, filtered client is told how far the log has been read. */
const HEARTBEATS_PER_POSITION = 4;

/** Keeps a quiet stream alive, so that neither a proxy nor the client gives it up. */
export interface Heartbeat {
  /** Writes a comment or a position when nothing was written for the stream's `heartbeatMs`, to the nearest call. */
  beat(stream: SseStream, nowMs: number): void;
}

export function createHeartbeat({ hub, idOf, counts, everyMs }: HeartbeatDeps): Heartbeat {
  const plain = chunkOf(HEARTBEAT);
  /** Of the positions asked for last: many streams have the same. */
  let positioned = { positions: null as Positions | null, idLast: plain, idFirst: plain };

  function chunkFor(positions: Positions | null, idFirst: boolean): Chunk {
    if (positions === null) return plain;
    if (positions !== positioned.positions) {
      const id = idOf(positions);
      positioned = {
        positions,
        idLast: chunkOf(ownEvent('gateway.position', {}, { id })),
        idFirst: chunkOf(ownEvent('gateway.position', {}, { id, idFirst: true })),
      };
    }
    return idFirst ? positioned.idFirst : positioned.idLast;
  }

  return {
    beat(stream, nowMs) {
      const silentMs = nowMs - stream.writtenAtMs;
      if (silentMs + everyMs / 2 < stream.heartbeatMs || !stream.isOpen || stream.bufferedBytes > 0) return;
      const { subscriber } = stream;
      counts.heartbeats++;
      const isDue = ++stream.heartbeats % HEARTBEATS_PER_POSITION === 0;
      // Null also for a stream with something pending: an id never covers what was not sent.
      const positions = isDue && subscriber !== null ? hub.servedPositions(subscriber) : null;
      stream.beat(chunkFor(positions, stream.idFirst), nowMs);
    },
  };
}

function chunkOf(text: string): Chunk {
  const bytes = Buffer.from(text);
  return createChunk([bytes], bytes.length);
}
