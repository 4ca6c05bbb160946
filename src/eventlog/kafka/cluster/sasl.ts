import type { AuthenticationProviderArgs, Authenticator, Mechanism, SASLOptions } from 'kafkajs';
import type { KafkaConfig } from '../../../config';
import { TokenError } from './connection-error';
import { type BearerToken, createMskTokens, createOauthTokens, type TokenSource } from './oauth-token';

type SaslConfig = NonNullable<KafkaConfig['sasl']>;

/** One for each configuration: all its connections share the tokens. */
const tokenSources = new WeakMap<SaslConfig, TokenSource>();

/** A new object at each call, since kafkajs keeps its authentication provider in it. Null: no SASL. */
export function saslOptions({ sasl, connectTimeoutMs }: KafkaConfig): SASLOptions | Mechanism | null {
  if (sasl === null) return null;
  if (sasl.mechanism !== 'oauthbearer' && sasl.mechanism !== 'aws-msk-iam') return { ...sasl } as SASLOptions;
  let tokens = tokenSources.get(sasl);
  if (tokens === undefined) {
    tokens =
      sasl.mechanism === 'oauthbearer'
        ? createOauthTokens(sasl, connectTimeoutMs)
        : createMskTokens(sasl.region);
    tokenSources.set(sasl, tokens);
  }
  const source = tokens;
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: (args) => createBearerAuthenticator(args, source),
  };
}

const SEPARATOR = '\x01';

/**
 * kafkajs's own authenticator takes a broker's error for success: the broker answers a bad token with the reason, and
 * waits for an empty message before it fails (RFC 7628 §3.2.3).
 */
function createBearerAuthenticator(
  { saslAuthenticate }: AuthenticationProviderArgs,
  tokens: TokenSource,
): Authenticator {
  async function exchange(message: string): Promise<string> {
    const answer = await saslAuthenticate<string>({
      request: { encode: () => withLength(Buffer.from(message)) },
      response: { decode: (raw) => raw.subarray(LENGTH_BYTES), parse: (bytes) => bytes.toString() },
    });
    return answer ?? '';
  }

  return {
    async authenticate() {
      const reason = await exchange(bearerMessage(await tokens()));
      if (reason === '') return;
      await exchange(SEPARATOR).catch(() => undefined);
      throw new TokenError(
        `the broker rejects the token: ${reason}`,
        'check the broker’s OAUTHBEARER settings: issuer, audience, keys, claims and clock',
      );
    },
  };
}

/** RFC 7628 §3.1. */
function bearerMessage({ value, extensions }: BearerToken): string {
  const pairs = Object.entries({ auth: `Bearer ${value}`, ...extensions });
  return `n,,${SEPARATOR}${pairs.map(([key, text]) => `${key}=${text}${SEPARATOR}`).join('')}${SEPARATOR}`;
}

const LENGTH_BYTES = 4;

/** As kafkajs wants the bytes of a mechanism. */
function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
