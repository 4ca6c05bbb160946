import { covers, ROOT_CHANNEL } from '../wire/channel';

/** What a client may do by its credentials. */
export interface Grant {
  /** For limits per client: `key:orders`, `sub:alice`. Null: no credentials were needed. */
  readonly holder: string | null;
  /** Each includes the channels below it, by whole segments. */
  readonly channels: readonly string[];
  /** Unix milliseconds; null: never. */
  readonly expiresAtMs: number | null;
}

/** Where no credentials are needed. */
export const OPEN_GRANT: Grant = { holder: null, channels: [ROOT_CHANNEL], expiresAtMs: null };

export function grants({ channels }: Grant, channel: string): boolean {
  return channels.some((granted) => covers(granted, channel));
}
