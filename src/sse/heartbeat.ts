import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import { encodeHeartbeat } from './frame';
import type { OpenStreams } from './open-streams';
import type { SseStream } from './sse-stream';

export interface HeartbeatDeps {
  readonly hub: Hub;
  readonly streams: OpenStreams;
  readonly idOf: (positions: Positions) => string | null;
  /** Silence after which a stream gets a comment. */
  readonly heartbeatMs: number;
  /** A stream that holds unsent bytes and has not taken one for this long is closed. */
  readonly slowGraceMs: number;
  /** Writes after which the event loop gets its turn. */
  readonly writesPerTurn: number;
  readonly onError: (error: unknown) => void;
}

export interface Heartbeat {
  stop(): void;
}

/** A quiet, filtered client moves on with every one of these: its id then says how far the log has been read. */
const HEARTBEATS_PER_ID = 4;
const CHECKS_PER_HEARTBEAT = 15;

/** One timer for all streams: keeps the quiet ones alive and closes those that take nothing. */
export function startHeartbeat(deps: HeartbeatDeps): Heartbeat {
  const { hub, streams, heartbeatMs, slowGraceMs } = deps;
  /** Of each blocked stream: what it still had to send, and since when that has not changed. */
  const stalled = new WeakMap<SseStream, { queuedBytes: number; sinceMs: number }>();
  let running = false;

  function beat(stream: SseStream, nowMs: number): void {
    const { subscriber } = stream;
    if (
      !stream.isOpen ||
      subscriber === null ||
      stream.bufferedBytes > 0 ||
      nowMs - subscriber.served.atMs < heartbeatMs
    )
      return;
    const positions = ++stream.heartbeats % HEARTBEATS_PER_ID === 0 ? hub.servedPositions(subscriber) : null;
    subscriber.served = { atMs: nowMs };
    stream.writeText(encodeHeartbeat(positions === null ? null : deps.idOf(positions)));
  }

  function judge(stream: SseStream, nowMs: number): void {
    const { queuedBytes } = stream;
    const before = stalled.get(stream);
    if (before?.queuedBytes !== queuedBytes) stalled.set(stream, { queuedBytes, sinceMs: nowMs });
    else if (nowMs - before.sinceMs >= slowGraceMs) stream.destroy('slow');
  }

  async function check(): Promise<void> {
    if (running) return;
    running = true;
    try {
      let inTurn = 0;
      for (const stream of streams.snapshot()) {
        const nowMs = performance.now();
        if (stream.isBlocked) judge(stream, nowMs);
        else beat(stream, nowMs);
        if (++inTurn % deps.writesPerTurn === 0) await nextTurn();
      }
    } finally {
      running = false;
    }
  }

  const everyMs = Math.ceil(Math.min(heartbeatMs, slowGraceMs) / CHECKS_PER_HEARTBEAT);
  const timer = setInterval(() => check().catch(deps.onError), everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
