import { type CountedCode, codesCountedIn, type ErrorCode } from '../errors';
import type { Logger } from '../logger';
import { CLOSE_REASONS, type CloseReason, type SseStream } from './sse-stream';

export interface OpenStreamsStats {
  readonly opened: number;
  readonly closed: Readonly<Record<CloseReason, number>>;
}

/** Called for each stream. Must not throw. */
interface OpenStreamsObserver {
  onOpen(stream: SseStream): void;
  onClose(stream: SseStream, reason: CloseReason): void;
}

const NO_OBSERVER: OpenStreamsObserver = { onOpen: () => undefined, onClose: () => undefined };

/** All open streams of this gateway, in no order. */
export class OpenStreams {
  readonly #streams: SseStream[] = [];
  readonly #closed = Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<
    CloseReason,
    number
  >;
  readonly #observer: OpenStreamsObserver;
  #opened = 0;

  constructor(observer: OpenStreamsObserver = NO_OBSERVER) {
    this.#observer = observer;
  }

  get count(): number {
    return this.#streams.length;
  }

  add(stream: SseStream): void {
    this.#opened++;
    stream.place = this.#streams.push(stream) - 1;
    this.#observer.onOpen(stream);
  }

  remove(stream: SseStream, reason: CloseReason): void {
    this.#closed[reason]++;
    const last = this.#streams.pop()!;
    if (last !== stream) {
      this.#streams[stream.place] = last;
      last.place = stream.place;
    }
    this.#observer.onClose(stream, reason);
  }

  /** A copy, to iterate over many turns of the event loop while streams open and close. */
  snapshot(): SseStream[] {
    return [...this.#streams];
  }

  stats(): OpenStreamsStats {
    return { opened: this.#opened, closed: { ...this.#closed } };
  }
}

type Rejection = CountedCode<'streams'> | 'other';

/** How a replay began: all from the ring; some from the event log; with a gap; with a reset, as its id is unusable. */
export const RESUME_RESULTS = ['ring', 'log', 'gap', 'reset'] as const;
export type ResumeResult = (typeof RESUME_RESULTS)[number];

/** What happened to streams since the gateway started. */
export interface StreamCounts {
  /** Requests for a stream that were rejected, by error code; `other` stands for codes that are not expected here. */
  readonly rejected: Record<Rejection, number>;
  readonly resumes: Record<ResumeResult, number>;
  /** Offsets that streams reported as lost when they began. */
  resumeLost: number;
  heartbeats: number;
}

export function createStreamCounts(): StreamCounts {
  const rejected = Object.fromEntries([...codesCountedIn('streams'), 'other'].map((code) => [code, 0]));
  return {
    rejected: rejected as Record<Rejection, number>,
    resumes: { ring: 0, log: 0, gap: 0, reset: 0 },
    resumeLost: 0,
    heartbeats: 0,
  };
}

export function countRejection({ rejected }: StreamCounts, code: ErrorCode): void {
  rejected[code in rejected ? (code as Rejection) : 'other']++;
}

interface StreamLogDeps {
  readonly logger: Logger;
  /** Limit; 0 writes no lines. */
  readonly linesPerSecond: number;
  readonly eventsOf: (stream: SseStream) => number;
}

/** Logs a line for each stream that opens or closes, up to a rate limit, and how many lines were suppressed. */
interface StreamLog extends OpenStreamsObserver {
  stop(): void;
}

const WINDOW_MS = 1_000;

export function createStreamLog({ logger, linesPerSecond, eventsOf }: StreamLogDeps): StreamLog {
  let lines = 0;
  let suppressed = 0;
  let window: NodeJS.Timeout | null = null;

  function endWindow(): void {
    if (window !== null) clearTimeout(window);
    window = null;
    lines = 0;
    if (suppressed > 0) logger.info({ suppressed }, 'Stream log lines suppressed');
    suppressed = 0;
  }

  /** The window begins with its first line, so that a quiet gateway has no timer. */
  function mayWrite(): boolean {
    if (linesPerSecond === 0) return false;
    window ??= setTimeout(endWindow, WINDOW_MS).unref();
    if (lines++ < linesPerSecond) return true;
    suppressed++;
    return false;
  }

  return {
    onOpen({ origin }) {
      if (!mayWrite()) return;
      const { requestId, requestPath, clientIp, userAgent } = origin;
      logger.info({ requestId, path: requestPath, clientIp, userAgent }, 'Stream opened');
    },
    onClose(stream, reason) {
      if (!mayWrite()) return;
      const { origin, openedAtMs, writtenBytes } = stream;
      const durationMs = Date.now() - openedAtMs;
      const events = eventsOf(stream);
      logger.info(
        { requestId: origin.requestId, reason, durationMs, bytes: writtenBytes, events },
        'Stream closed',
      );
    },
    stop: endWindow,
  };
}
