import type { StreamStatus } from '../wire/gateway-events';

/** Why a topic cannot be read, or not all of it. */
export type TroubleReason = NonNullable<StreamStatus['reason']>;

/** What streams are to know of the log at one moment. Never changed once made. */
export interface LogTroubles {
  /** Nothing at all can be read. */
  readonly isAway: boolean;
  /** Topics of which something cannot be read, by name; empty while all is away. */
  readonly topics: ReadonlyMap<string, TroubleReason>;
}

export const NO_TROUBLES: LogTroubles = { isAway: false, topics: new Map() };

/**
 * What to tell whoever knows `before`: at first what concerns all topics, then the topics that changed, those with the
 * same place and news together.
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
