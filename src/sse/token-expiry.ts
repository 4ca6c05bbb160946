import { ownEvent } from '../wire/own-event';
import type { SseStream } from './sse-stream';

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
