import { normaliseChannels, overlaps } from '../wire/channel';
import type { Addressed } from './ring';

export interface SubscriptionOptions {
  readonly channels: readonly string[];
  /** Names of the events to send, `message` for unnamed ones; null: all. */
  readonly events?: readonly string[] | null;
  /** True: each event's data is wrapped in an envelope with where it comes from. */
  readonly meta?: boolean;
  /** True: the id stands before the data, as on `/sse`; else it is each event's last line. */
  readonly idFirst?: boolean;
  /** Shortest time between two writes of new events; 0: the gateway's. */
  readonly everyMs?: number;
}

/** What a stream asks for. */
export interface Subscription {
  /** Normalised: sorted, none below another. */
  readonly channels: readonly string[];
  readonly events: ReadonlySet<string> | null;
  readonly meta: boolean;
  readonly idFirst: boolean;
  readonly everyMs: number;
  /** The same for equal subscriptions and for those only: streams with the same key share every byte. */
  readonly key: string;
}

const UNNAMED = 'message';

export function createSubscription({
  channels,
  events = null,
  meta = false,
  idFirst = false,
  everyMs = 0,
}: SubscriptionOptions): Subscription {
  const normalised = normaliseChannels(channels);
  const names = events === null ? null : [...new Set(events)].sort();
  // Neither a channel nor an event name holds a line break.
  const form = `${meta ? 'meta' : ''}${idFirst ? ' id-first' : ''}${everyMs > 0 ? ` every ${everyMs}` : ''}`;
  const key = [form, ...normalised, ...(names === null ? [] : ['', ...names])].join('\n');
  return {
    channels: normalised,
    events: names === null ? null : new Set(names),
    meta,
    idFirst,
    everyMs,
    key,
  };
}

/** True when the entry's event is wanted, whatever its channel. The gateway's own events always are. */
export function wantsEvent({ events }: Subscription, { event, isOwn }: Addressed): boolean {
  return events === null || isOwn || events.has(event ?? UNNAMED);
}

/** For entries that are on its channels or have none. */
export function wantsCandidate(subscription: Subscription, entry: Addressed): boolean {
  return entry.channel === null ? isInScope(subscription, entry) : wantsEvent(subscription, entry);
}

/** For entries without a channel. */
export function isInScope({ channels }: Subscription, { scope = null }: Addressed): boolean {
  return scope === null || overlaps(channels, scope);
}
