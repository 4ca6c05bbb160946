import { covers, normaliseChannels } from './channel';
import type { RingEntry } from './ring';

/** What a stream asks for. */
export interface Subscription {
  /** Normalised: sorted, none below another. */
  readonly channels: readonly string[];
  /** The same for equal subscriptions and for those only: streams with the same key share every byte. */
  readonly key: string;
}

export function createSubscription(channels: readonly string[]): Subscription {
  const normalised = normaliseChannels(channels);
  return { channels: normalised, key: normalised.join('\n') };
}

export function matches(subscription: Subscription, entry: RingEntry): boolean {
  const { channel } = entry;
  return channel === null || subscription.channels.some((wanted) => covers(wanted, channel));
}
