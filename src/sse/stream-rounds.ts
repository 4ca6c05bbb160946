import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Heartbeat } from './heartbeat';
import type { OpenStreams } from './open-streams';
import type { SlowStreams } from './slow-streams';
import type { TokenExpiry } from './token-expiry';

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
