import type { Logger } from '../logger';
import type { OpenStreamsObserver } from './open-streams';
import type { SseStream } from './sse-stream';

export interface StreamLogDeps {
  readonly logger: Logger;
  /** Lines at the most; 0 writes none. */
  readonly linesPerSecond: number;
  /** Events that a stream was given. */
  readonly eventsOf: (stream: SseStream) => number;
}

/** Writes a line for each stream that opens or closes, as far as they are few, and says how many it left out. */
export interface StreamLog extends OpenStreamsObserver {
  stop(): void;
}

const WINDOW_MS = 1_000;

export function createStreamLog({ logger, linesPerSecond, eventsOf }: StreamLogDeps): StreamLog {
  let lines = 0;
  let leftOut = 0;
  let window: NodeJS.Timeout | null = null;

  function endWindow(): void {
    if (window !== null) clearTimeout(window);
    window = null;
    lines = 0;
    if (leftOut > 0) logger.info({ leftOut }, 'stream lines left out');
    leftOut = 0;
  }

  /** The window begins with its first line, so that a quiet process has no timer. */
  function mayWrite(): boolean {
    if (linesPerSecond === 0) return false;
    window ??= setTimeout(endWindow, WINDOW_MS).unref();
    if (lines++ < linesPerSecond) return true;
    leftOut++;
    return false;
  }

  return {
    onOpen({ origin }) {
      if (!mayWrite()) return;
      const { requestId, requestPath, clientIp, userAgent } = origin;
      logger.info({ requestId, path: requestPath, clientIp, userAgent }, 'stream.open');
    },
    onClose(stream, reason) {
      if (!mayWrite()) return;
      const { origin, openedAtMs, writtenBytes } = stream;
      const durationMs = Date.now() - openedAtMs;
      const events = eventsOf(stream);
      logger.info(
        { requestId: origin.requestId, reason, durationMs, bytes: writtenBytes, events },
        'stream.close',
      );
    },
    stop: endWindow,
  };
}
