import { GatewayError } from '../errors';
import { covers, ROOT_CHANNEL } from '../wire/channel';

/** What a client may do by its credentials. */
export interface Grant {
  /** For limits per client: `key:orders`, `sub:alice`. Null: no credentials were needed. */
  readonly holder: string | null;
  /** Each includes the channels below it, by whole segments. */
  readonly channels: readonly string[];
  /** Claims without which the token does not grant what it might. */
  readonly missingClaims: readonly string[];
  /** Unix milliseconds; null: never. */
  readonly expiresAtMs: number | null;
}

/** Where no credentials are needed. */
export const OPEN_GRANT: Grant = {
  holder: null,
  channels: [ROOT_CHANNEL],
  missingClaims: [],
  expiresAtMs: null,
};

export function grants({ channels }: Grant, channel: string): boolean {
  return channels.some((granted) => covers(granted, channel));
}

/**
 * For a channel that is not granted.
 * @param what was to be done with it: `subscribing`, `publishing`
 */
export function notGranted({ missingClaims }: Grant, what: string, channel: string): GatewayError {
  const hint =
    missingClaims.length === 0 ? '' : `; the token has no usable claim ${missingClaims.join(', ')}`;
  return new GatewayError('forbidden', `${what} to ${channel} is not granted${hint}`, {
    details: { field: 'channel', channel, ...(missingClaims.length === 0 ? {} : { missingClaims }) },
  });
}
