import type { IncomingMessage } from 'node:http';
import { covers, ROOT_CHANNEL } from '../wire/channel';

/** What someone may do, after having shown who it is. */
export interface Grant {
  /** For limits per client: `key:orders`, `sub:alice`. Null: nobody was asked who it is. */
  readonly holder: string | null;
  /** Each brings the channels below it, by whole segments. */
  readonly channels: readonly string[];
  /** Unix milliseconds; null: never. */
  readonly expiresAtMs: number | null;
}

/**
 * Tells what whoever asks may publish.
 * @throws GatewayError `unauthorized`, `forbidden`, `auth-unavailable`, also as a rejection
 */
export type PublishGuard = (req: IncomingMessage) => Grant | Promise<Grant>;

/** To whom nothing is closed. */
export const OPEN_GRANT: Grant = { holder: null, channels: [ROOT_CHANNEL], expiresAtMs: null };

export function grants({ channels }: Grant, channel: string): boolean {
  return channels.some((granted) => covers(granted, channel));
}
