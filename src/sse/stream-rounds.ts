import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config';
import type { IdScope, LogIds } from '../events/log-ids';
import { type Chunk, createChunk } from '../hub/chunk';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/positions';
import { HEARTBEAT } from '../wire/frame';
import { ownEvent } from '../wire/own-event';
import type { OpenStreams, StreamCounts } from './open-streams';
import type { SseStream } from './sse-stream';

interface StreamRoundsDeps {
  readonly streams: OpenStreams;
  readonly heartbeat: Heartbeat;
  readonly tokenExpiry: TokenExpiry;
  readonly config: Pick<Config['streams'], 'checkMs' | 'slowGraceMs' | 'maxBufferedBytes'>;
  /** Streams after which the event loop gets its turn. */
  readonly streamsPerTurn: number;
  readonly onError: (error: unknown) => void;
}

/**
 * One timer instead of one per stream: each round looks at every stream, sends heartbeats that are due, and ends streams
 * of slow clients and of expired tokens. A condition that comes with time is checked here.
 */
export function startStreamRounds(deps: StreamRoundsDeps): { stop(): void } {
  const { streams, heartbeat, tokenExpiry, config, streamsPerTurn, onError } = deps;
  let running = false;

  async function round(): Promise<void> {
    if (running) return;
    running = true;
    try {
      const all = streams.snapshot();
      for (const [i, stream] of all.entries()) {
        const nowMs = performance.now();
        endIfSlow(stream, nowMs, config.slowGraceMs);
        heartbeat.beat(stream, nowMs);
        if ((i + 1) % streamsPerTurn === 0) await nextTurn();
      }
      endFullest(all, config.maxBufferedBytes);
      tokenExpiry.round(Date.now());
    } finally {
      running = false;
    }
  }

  const timer = setInterval(() => round().catch(onError), config.checkMs);
  return { stop: () => clearInterval(timer) };
}

/** Ends the stream of a slow client that has unsent bytes and has not taken one of them for `slowGraceMs`. */
function endIfSlow(stream: SseStream, nowMs: number, slowGraceMs: number): void {
  if (!stream.isBlocked) return;
  const { queuedBytes, stalled } = stream;
  if (stalled?.queuedBytes !== queuedBytes) stream.stalled = { queuedBytes, sinceMs: nowMs };
  else if (nowMs - stalled.sinceMs >= slowGraceMs) stream.destroy('slow');
}

/** Ends the streams with the most unsent bytes, until all together have at most `maxBufferedBytes`. */
function endFullest(streams: readonly SseStream[], maxBufferedBytes: number): void {
  const full = streams.filter(({ isOpen, bufferedBytes }) => isOpen && bufferedBytes > 0);
  let total = full.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
  if (total <= maxBufferedBytes) return;
  for (const stream of full.sort((a, b) => b.bufferedBytes - a.bufferedBytes)) {
    if (total <= maxBufferedBytes) return;
    total -= stream.bufferedBytes;
    stream.destroy('full');
  }
}

interface HeartbeatDeps {
  readonly hub: Pick<Hub, 'servedPositions'>;
  readonly ids: Pick<LogIds, 'idOf' | 'scopeOf'>;
  readonly counts: StreamCounts;
  /** Time between two calls of `beat` for a stream. */
  readonly everyMs: number;
}

/** `gateway.position` for these positions. */
interface PositionChunks {
  readonly positions: Positions;
  readonly idLast: Chunk;
  readonly idFirst: Chunk;
}

/** One heartbeat of this many has an id: how far the event log has been read for a client whose filter matches nothing. */
const HEARTBEATS_PER_POSITION = 4;

/** Keeps a quiet stream alive, so that neither a proxy nor the client closes it. */
export interface Heartbeat {
  /** Writes a comment or a position when nothing was written for the stream's `heartbeatMs`, to the nearest call. */
  beat(stream: SseStream, nowMs: number): void;
}

export function createHeartbeat({ hub, ids, counts, everyMs }: HeartbeatDeps): Heartbeat {
  const plain = chunkOf(HEARTBEAT);
  /** By what ids name, for the last positions: many streams have the same. */
  const positioned = new WeakMap<IdScope, PositionChunks>();

  function chunkFor(positions: Positions | null, { channels, idFirst }: SseStream): Chunk {
    if (positions === null) return plain;
    const scope = ids.scopeOf(channels);
    let chunks = positioned.get(scope);
    if (chunks?.positions !== positions) {
      const id = ids.idOf(channels, positions);
      chunks = {
        positions,
        idLast: chunkOf(ownEvent('gateway.position', {}, { id })),
        idFirst: chunkOf(ownEvent('gateway.position', {}, { id, idFirst: true })),
      };
      positioned.set(scope, chunks);
    }
    return idFirst ? chunks.idFirst : chunks.idLast;
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
      stream.beat(chunkFor(positions, stream), nowMs);
    },
  };
}

function chunkOf(text: string): Chunk {
  const bytes = Buffer.from(text);
  return createChunk([bytes], bytes.length);
}

/** Ends streams when the token that opened them expires. Streams without a token cost nothing here. */
export interface TokenExpiry {
  /** @param expiresAtMs Unix milliseconds */
  watch(stream: SseStream, expiresAtMs: number): void;
  /** Announces the ends that are near, and ends streams whose token has expired. @param nowMs Unix milliseconds */
  round(nowMs: number): void;
  /** Streams that are watched, including those that ended since the last round. */
  readonly size: number;
}

/** @param options.noticeMs how long before its token expires a stream gets `gateway.token-expiring` */
export function createTokenExpiry({ noticeMs }: { readonly noticeMs: number }): TokenExpiry {
  const watched = new Map<SseStream, { readonly expiresAtMs: number; isAnnounced: boolean }>();

  /** Without an id: it covers nothing. */
  function announce(stream: SseStream, expiresAtMs: number): void {
    const expiresAt = new Date(expiresAtMs).toISOString();
    stream.writeText(ownEvent('gateway.token-expiring', { expiresAt }));
  }

  return {
    watch(stream, expiresAtMs) {
      watched.set(stream, { expiresAtMs, isAnnounced: false });
    },
    round(nowMs) {
      for (const [stream, state] of watched) {
        if (!stream.isOpen) {
          watched.delete(stream);
          continue;
        }
        const { expiresAtMs } = state;
        if (!state.isAnnounced && nowMs >= expiresAtMs - noticeMs) {
          state.isAnnounced = true;
          announce(stream, expiresAtMs);
        }
        if (nowMs < expiresAtMs) continue;
        watched.delete(stream);
        // A slow client would keep the connection open by taking nothing.
        if (stream.isBlocked) stream.destroy('expired');
        else stream.end('expired');
      }
    },
    get size() {
      return watched.size;
    },
  };
}

interface DrainOptions {
  /** Longest time over which the closes are spread; 0 closes all at once. */
  readonly drainMs: number;
  /** Longest time from one close to the next: a few streams do not take all of `drainMs`. */
  readonly gapMs: number;
  /** Closes after which the event loop gets its turn. */
  readonly closesPerTurn: number;
}

/** Time between two looks at the clock. */
const STEP_MS = 50;

/**
 * The shutdown drain: ends all streams in random order, spread evenly over the time, each with another reconnect time, so
 * that the clients do not all reconnect to the other gateways at once.
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
    // The first one ends at once, the last one when the time is over.
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
