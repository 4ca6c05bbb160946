import { ownEvent } from './own-event';
import type { SseStream } from './sse-stream';

export interface OutageNoticeDeps {
  /** As the streams that are open have been told. */
  readonly isLogInterrupted: () => boolean;
}

/**
 * Tells one stream that the log is away, or back, when that is not what it was told last: what the hub tells all streams
 * passes by those that are just beginning or have a past to be given.
 */
export interface OutageNotice {
  /** Empty when the stream knows. Without an id, so it covers nothing. */
  textFor(stream: SseStream): string;
}

export function createOutageNotice({ isLogInterrupted }: OutageNoticeDeps): OutageNotice {
  /** Streams that were told that the log is away, and not yet that it is back. */
  const aware = new WeakSet<SseStream>();
  return {
    textFor(stream) {
      const isAway = isLogInterrupted();
      if (isAway === aware.has(stream)) return '';
      if (isAway) aware.add(stream);
      else aware.delete(stream);
      return ownEvent('gateway.status', { kafka: isAway ? 'interrupted' : 'ok' });
    },
  };
}
