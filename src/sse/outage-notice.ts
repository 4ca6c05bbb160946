import { overlaps } from '../wire/channel';
import type { StreamStatus } from '../wire/gateway-events';
import { ownEvent } from '../wire/own-event';

/** Why a topic cannot be read, or not all of it. */
export type TroubleReason = NonNullable<StreamStatus['reason']>;

/** What of the event log cannot be read at one moment. Immutable. */
export interface LogTroubles {
  readonly isAway: boolean;
  /** Topics that cannot be read, or not all of them, by name; empty while Kafka as a whole is unreachable. */
  readonly topics: ReadonlyMap<string, TroubleReason>;
}

export const NO_TROUBLES: LogTroubles = { isAway: false, topics: new Map() };

/**
 * The difference between two states, as events: first for all topics, then for the topics that changed, one event for all
 * that have the same place and the same news.
 * @param placeOf what a topic is grouped by; null leaves it out
 */
export function troubleNews(
  before: LogTroubles,
  now: LogTroubles,
  placeOf: (topic: string) => string | null,
): readonly { readonly place: string | null; readonly status: StreamStatus }[] {
  if (now.isAway) return before.isAway ? [] : [{ place: null, status: { kafka: 'interrupted' } }];
  const groups = new Map<string, { place: string | null; status: StreamStatus & { topics?: string[] } }>();
  if (before.isAway) groups.set('', { place: null, status: { kafka: 'ok' } });
  const known = before.isAway ? NO_TROUBLES.topics : before.topics;
  for (const topic of new Set([...known.keys(), ...now.topics.keys()])) {
    const reason = now.topics.get(topic);
    const place = placeOf(topic);
    if (place === null || reason === known.get(topic)) continue;
    const key = `${reason ?? 'ok'} ${place}`;
    const group = groups.get(key);
    if (group?.status.topics !== undefined) group.status.topics.push(topic);
    else if (reason === undefined) groups.set(key, { place, status: { kafka: 'ok', topics: [topic] } });
    else groups.set(key, { place, status: { kafka: 'interrupted', topics: [topic], reason } });
  }
  return [...groups.values()];
}

/** A stream, as far as outages concern it. */
interface Listener {
  readonly channels: readonly string[];
}

/**
 * Reports to one stream that Kafka or a topic became unreachable or is back, if the stream does not know it yet. The hub
 * reports it to all streams that are live; this is for those that are just beginning, or are catching up.
 */
export interface OutageNotice {
  /** Empty when the stream knows. Without an id, so it covers nothing. */
  textFor(stream: Listener): string;
}

/**
 * @param troubles as the open streams know them
 * @param baseOf base channel of a topic in use
 */
export function createOutageNotice(
  troubles: () => LogTroubles,
  baseOf: (topic: string) => string,
): OutageNotice {
  /** What a stream knows; without an entry: of no troubles. */
  const known = new WeakMap<Listener, LogTroubles>();
  return {
    textFor(stream) {
      const before = known.get(stream) ?? NO_TROUBLES;
      const now = troubles();
      if (now === before) return '';
      known.set(stream, now);
      return troubleNews(before, now, (topic) => (overlaps(stream.channels, baseOf(topic)) ? '' : null))
        .map(({ status }) => ownEvent('gateway.status', status))
        .join('');
    },
  };
}
