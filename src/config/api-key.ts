import { createHash } from 'node:crypto';
import { channelFault, channelOf } from '../wire/channel';

export interface ApiKeySetting {
  readonly name: string;
  /** SHA-256 of the secret, 64 hexadecimal digits. */
  readonly digest: string;
  /** What it may publish to: each brings the channels below it. */
  readonly channels: readonly string[];
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** The characters that a bearer token may have (RFC 6750 §2.1). */
const SECRET = /^[A-Za-z0-9._~+/-]{16,256}=*$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/i;

/**
 * `name=secret` or `name=sha256:<hex>`, each followed by `;/channel` for every channel granted; none grants all.
 * @returns a sentence without a subject, which never holds the secret, instead of a key that is wrong
 */
export function parseApiKey(text: string): ApiKeySetting | string {
  const [first = '', ...granted] = text.split(';').map((part) => part.trim());
  const channels = granted.map(channelOf);
  const equals = first.indexOf('=');
  const name = first.slice(0, Math.max(0, equals)).trim();
  const secret = first.slice(equals + 1).trim();
  if (!NAME.test(name)) return 'has no name of letters, digits, "-" and "_" before "="';
  const digest = DIGEST.exec(secret)?.[1]?.toLowerCase();
  if (digest === undefined && !SECRET.test(secret))
    return `has a key named ${name} that is neither 16 to 256 characters of A-Z a-z 0-9 . _ ~ + / - nor sha256:<64 hex digits>`;
  for (const channel of channels) {
    const fault = channelFault(channel);
    if (fault !== null) return `grants ${name} a channel that ${fault}`;
  }
  return {
    name,
    digest: digest ?? createHash('sha256').update(secret).digest('hex'),
    channels: channels.length === 0 ? ['/'] : channels,
  };
}
