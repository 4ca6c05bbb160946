import { backoffMs, reconnectMs } from './backoff.ts';
import type { LoadConfig } from './config.ts';
import type { EventReader, EventReaderDeps } from './event-reader.ts';
import { failureOf } from './failure.ts';
import type { StreamFigures } from './figures.ts';
import type { NativeParams, SseModule, SseParams, SseResponse, SseStats } from './sse-api.ts';
import type { Window } from './window.ts';

export interface StreamDeps {
  readonly sse: SseModule;
  readonly config: LoadConfig;
  readonly window: Window;
  readonly figures: StreamFigures;
  readonly url: string;
  /** Unix ms. */
  readonly now: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Created for each connection; null: the bundled module reads the events. */
  readonly createReader: ((deps: EventReaderDeps) => EventReader) | null;
  /** Called for each event; sleeping there makes a slow client. Null: not called. */
  readonly onEvent: (() => void) | null;
}

/** One stream of the plan over all its connections, like a browser's EventSource. */
export interface Stream {
  /**
   * Connects, reads until it is due to close or fails, and reports. Returns the pause before the next attempt in ms;
   * null when there is no next one.
   */
  attempt(): number | null;
}

/** What an attempt has seen while it was open. */
interface Attempt {
  readonly startMs: number;
  /** Until the answer's head; null before. */
  responseMs: number | null;
  isNative: boolean;
  hadEvents: boolean;
  message: string;
}

/**
 * With the bundled module, reading, reconnecting and measuring are done there, in Go: no JavaScript runs for an event.
 * With xk6-sse they are done here.
 */
export function createStream(deps: StreamDeps): Stream {
  const { config, window, figures, now, random } = deps;
  // Spread over the ramp-down, so that the streams do not close all at once.
  const closeAtMs = window.holdToMs + random() * (window.endMs - window.holdToMs);
  let lastEventId = '';
  let wasOpen = false;
  let failures = 0;

  function opened(responseMs: number, firstEventMs: number): void {
    failures = 0;
    if (!wasOpen) figures.opened(responseMs, firstEventMs);
    wasOpen = true;
  }

  function listen(attempt: Attempt, params: SseParams): SseResponse {
    return deps.sse.open(deps.url, params, (client) => {
      attempt.isNative = client.native === true;
      client.on('open', () => {
        attempt.responseMs ??= now() - attempt.startMs;
      });
      client.on('error', (error) => {
        attempt.message = error.error();
        // xk6-sse would read a broken connection for ever.
        if (!attempt.isNative) client.close();
      });
      if (attempt.isNative) {
        if (deps.onEvent !== null) client.on('event', deps.onEvent);
        return;
      }
      if (deps.createReader === null) throw new Error('SSE_MODULE=bundled, and this k6 has another k6/x/sse');
      const read = deps.createReader({
        config,
        window,
        now,
        fromPast: config.fromPast || lastEventId !== '',
        onId: (id) => {
          lastEventId = id;
        },
        onFirstEvent: () => {
          attempt.hadEvents = true;
          const firstEventMs = now() - attempt.startMs;
          figures.attempts(1, 0);
          opened(attempt.responseMs ?? firstEventMs, firstEventMs);
        },
      });
      client.on('event', (event) => {
        read(event);
        deps.onEvent?.();
      });
    });
  }

  /** In a storm a broken stream is expected; elsewhere it is a failure. */
  function broke(count: number, message: string): void {
    if (count > 0 && config.scenario !== 'storm') figures.failed('stream', count, message);
  }

  /** Reports the connections that the bundled module has made. */
  function reportNative(attempt: Attempt, stats: SseStats, response: SseResponse, endedEarly: boolean): void {
    const { connects, reconnects, firstEventMs } = stats;
    lastEventId = stats.lastEventId || lastEventId;
    const message = response.error || attempt.message;
    const attempts = 1 + reconnects;
    if (firstEventMs === null) {
      figures.attempts(0, attempts);
      figures.failed(failureOf(response, endedEarly || reconnects > 0, message), attempts, message);
      failures++;
      return;
    }
    attempt.hadEvents = true;
    figures.attempts(connects, attempts - connects);
    opened(attempt.responseMs ?? firstEventMs, firstEventMs);
    broke(connects - 1, message);
    if (attempts > connects) figures.failed('connect', attempts - connects, message);
    if (endedEarly) figures.failed(response.status === 200 ? 'stream' : 'status', 1, message);
  }

  function reportScripted(attempt: Attempt, response: SseResponse, endedEarly: boolean): void {
    const message = response.error || attempt.message;
    if (attempt.hadEvents) {
      if (endedEarly) broke(1, message);
      return;
    }
    failures++;
    figures.attempts(0, 1);
    figures.failed(failureOf(response, endedEarly, message), 1, message);
  }

  return {
    attempt() {
      const startMs = now();
      const leftMs = closeAtMs - startMs;
      if (leftMs <= 0) return null;
      const attempt: Attempt = { startMs, responseMs: null, isNative: false, hadEvents: false, message: '' };
      const response = listen(attempt, {
        headers: lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId },
        tags: { name: 'sse' },
        // The clock of xk6-sse; the bundled module has closeAtMs. No event is needed for either.
        timeout: `${Math.ceil(leftMs)}ms`,
        native: nativeParams(config, window, closeAtMs),
      });
      const endedEarly = now() < closeAtMs - EARLY_MS;
      if (response.stats !== undefined) reportNative(attempt, response.stats, response, endedEarly);
      else reportScripted(attempt, response, endedEarly);
      if (!config.reconnect || !endedEarly) return null;
      return attempt.hadEvents ? reconnectMs(random) : backoffMs(failures, random);
    },
  };
}

/** How early a timer may fire, since unix time and timers use different clocks. */
const EARLY_MS = 20;

function nativeParams(config: LoadConfig, window: Window, closeAtMs: number): NativeParams {
  const { latencyPath, sequencePath } = config;
  return {
    reconnect: config.reconnect,
    closeAtMs,
    latencyFromMs: window.holdFromMs,
    latencyToMs: window.holdToMs,
    afterLive: config.fromPast,
    ...(latencyPath === null ? {} : { latency: latencyPath }),
    ...(sequencePath === null ? {} : { sequence: sequencePath }),
  };
}
