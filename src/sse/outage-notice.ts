import { overlaps } from '../wire/channel';
import { ownEvent } from '../wire/own-event';
import { type LogTroubles, NO_TROUBLES, troubleNews } from './log-troubles';
import type { SseStream } from './sse-stream';

export interface OutageNoticeDeps {
  /** As the streams that are open have been told. */
  readonly troubles: () => LogTroubles;
  /** Base channel of a topic in use. */
  readonly baseOf: (topic: string) => string;
}

/**
 * Tells one stream that the log or a topic of it is away, or back, when that is not what it was told last: what the hub
 * tells all streams passes by those that are just beginning or have a past to be given.
 */
export interface OutageNotice {
  /** Empty when the stream knows. Without an id, so it covers nothing. */
  textFor(stream: SseStream): string;
}

export function createOutageNotice({ troubles, baseOf }: OutageNoticeDeps): OutageNotice {
  /** What streams were told, for those that were told anything. */
  const told = new WeakMap<SseStream, LogTroubles>();
  return {
    textFor(stream) {
      const before = told.get(stream) ?? NO_TROUBLES;
      const now = troubles();
      if (now === before) return '';
      told.set(stream, now);
      return troubleNews(before, now, (topic) => (overlaps(stream.channels, baseOf(topic)) ? '' : null))
        .map(({ status }) => ownEvent('gateway.status', status))
        .join('');
    },
  };
}
