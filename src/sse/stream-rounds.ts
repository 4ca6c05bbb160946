import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { type Chunk, createChunk } from '../hub/chunk';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import { HEARTBEAT } from '../wire/frame';
import { ownEvent } from '../wire/own-event';
import type { OpenStreams, StreamCounts } from './open-streams';
import type { SseStream } from './sse-stream';

export interface StreamRoundsDeps {
  readonly streams: OpenStreams;
  readonly heartbeat: Heartbeat;
  readonly slowStreams: SlowStreams;
  readonly tokenExpiry: TokenExpiry;
  readonly everyMs: number;
  /** Streams after which the event loop gets its turn. */
  readonly streamsPerTurn: number;
  readonly onError: (error: unknown) => void;
}

export interface StreamRounds {
  stop(): void;
}

/** One timer for all streams, instead of one each: looks at every stream once a round. */
export function startStreamRounds(deps: StreamRoundsDeps): StreamRounds {
  const { streams, heartbeat, slowStreams, tokenExpiry } = deps;
  let running = false;

  async function round(): Promise<void> {
    if (running) return;
    running = true;
    try {
      const all = streams.snapshot();
      for (const [i, stream] of all.entries()) {
        const nowMs = performance.now();
        slowStreams.judge(stream, nowMs);
        heartbeat.beat(stream, nowMs);
        if ((i + 1) % deps.streamsPerTurn === 0) await nextTurn();
      }
      slowStreams.judgeAll(all);
      tokenExpiry.round(Date.now());
    } finally {
      running = false;
    }
  }

  const timer = setInterval(() => round().catch(deps.onError), deps.everyMs);
  return { stop: () => clearInterval(timer) };
}

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

export interface TokenExpiryOptions {
  /** How long before its end a stream is told of it. */
  readonly noticeMs: number;
}

/** Ends streams when the token that opened them is no longer good. Streams without a token cost nothing here. */
export interface TokenExpiry {
  /** @param expiresAtMs Unix milliseconds */
  watch(stream: SseStream, expiresAtMs: number): void;
  /** Tells those whose end is near, and ends those whose time is up. @param nowMs Unix milliseconds */
  round(nowMs: number): void;
  /** Streams that are watched, those included that ended since the last round. */
  readonly size: number;
}

export function createTokenExpiry({ noticeMs }: TokenExpiryOptions): TokenExpiry {
  const watched = new Map<SseStream, { readonly expiresAtMs: number; isTold: boolean }>();

  /** Without an id: it covers nothing. */
  function tell(stream: SseStream, expiresAtMs: number): void {
    const expiresAt = new Date(expiresAtMs).toISOString();
    stream.writeText(ownEvent('gateway.token-expiring', { expiresAt }));
  }

  return {
    watch(stream, expiresAtMs) {
      watched.set(stream, { expiresAtMs, isTold: false });
    },
    round(nowMs) {
      for (const [stream, state] of watched) {
        if (!stream.isOpen) {
          watched.delete(stream);
          continue;
        }
        const { expiresAtMs } = state;
        if (!state.isTold && nowMs >= expiresAtMs - noticeMs) {
          state.isTold = true;
          tell(stream, expiresAtMs);
        }
        if (nowMs < expiresAtMs) continue;
        watched.delete(stream);
        // Who takes nothing would keep the connection for as long as it likes.
        if (stream.isBlocked) stream.destroy('expired');
        else stream.end('expired');
      }
    },
    get size() {
      return watched.size;
    },
  };
}

export interface DrainOptions {
  /** Over how long the closes are spread at the most; 0 closes all at once. */
  readonly drainMs: number;
  /** Longest time from one close to the next: few streams do not take all of `drainMs`. */
  readonly gapMs: number;
  /** Closes after which the event loop gets its turn. */
  readonly closesPerTurn: number;
}

/** Closes between two looks at the clock. */
const STEP_MS = 50;

/**
 * Ends all streams in random order, evenly over the time that they take, each with a reconnect time of its own, so that the
 * clients do not come back to the others all at once.
 */
export async function drainStreams(
  streams: OpenStreams,
  { drainMs, gapMs, closesPerTurn }: DrainOptions,
): Promise<void> {
  const leaving = shuffled(streams.snapshot());
  const spreadMs = Math.min(drainMs, leaving.length * gapMs);
  const startMs = performance.now();
  let next = 0;
  while (next < leaving.length && streams.count > 0) {
    const share = spreadMs === 0 ? 1 : (performance.now() - startMs) / spreadMs;
    // The first one leaves at once, the last one when the time is up.
    const due = Math.min(leaving.length, Math.floor(share * leaving.length) + 1);
    while (next < due) {
      const stream = leaving[next++]!;
      if (stream.isOpen) stream.end('drain');
      if (next % closesPerTurn === 0) await nextTurn();
    }
    if (next < leaving.length) await pause(Math.min(STEP_MS, spreadMs));
  }
}

/** Fisher–Yates. */
function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
