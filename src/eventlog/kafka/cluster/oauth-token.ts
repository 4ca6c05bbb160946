import { z } from 'zod';
import { MSK_SIGNER } from '../../../config/kafka-security-settings';
import { TokenError } from './connection-error';

/** What a broker is given instead of a password (RFC 7628). */
export interface BearerToken {
  readonly value: string;
  readonly extensions: Readonly<Record<string, string>>;
}

/** Answers a token that is valid for a while. @throws TokenError when there is none */
export type TokenSource = () => Promise<BearerToken>;

interface Grant {
  readonly value: string;
  /** Unix time; null: not known. */
  readonly endMs: number | null;
}

/** A token is asked for again after this part of its life: as Java's client does (`sasl.login.refresh.window.factor`). */
const RENEW_AT = 0.8;

/** RFC 6749 §5.1. Some services write the number as text. */
const TOKEN_ANSWER = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().optional() });
/** RFC 7519 §4.1.4. */
const TOKEN_CLAIMS = z.object({ exp: z.number() });
/** RFC 6749 §5.2. */
const TOKEN_REFUSAL = z.object({ error: z.string(), error_description: z.string().optional() });

interface ClientCredentials {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Null: none is asked for. */
  readonly scope: string | null;
  /** Null: none. */
  readonly extensions: Readonly<Record<string, string>> | null;
}

/** Tokens by client credentials (RFC 6749 §4.4), shared by all connections. */
export function createOauthTokens(credentials: ClientCredentials, timeoutMs: number): TokenSource {
  return keepToken(() => requestToken(credentials, timeoutMs), credentials.extensions ?? {});
}

/** What is used of `aws-msk-iam-sasl-signer-js`. */
interface MskSigner {
  generateAuthToken(options: { region: string }): Promise<{ token: string; expiryTime: number }>;
}

/** Tokens of Amazon MSK, by the credentials that Amazon's library finds in the environment. */
export function createMskTokens(region: string): TokenSource {
  return keepToken(async () => {
    try {
      // Found when the configuration was checked.
      const signer = require(MSK_SIGNER) as MskSigner;
      const { token, expiryTime } = await signer.generateAuthToken({ region });
      return { value: token, endMs: expiryTime };
    } catch (cause) {
      throw new TokenError(
        `no token for Amazon MSK: ${(cause as Error).message}`,
        'check the AWS credentials of this process, and KAFKA_AWS_REGION',
        cause,
      );
    }
  }, {});
}

/** Keeps a token for the connections that come next; those that ask at the same time share one request. */
function keepToken(request: () => Promise<Grant>, extensions: Readonly<Record<string, string>>): TokenSource {
  let kept: Grant | null = null;
  let renewMs = 0;
  let pending: Promise<void> | null = null;

  async function renew(): Promise<void> {
    const beganMs = Date.now();
    try {
      kept = await request();
      renewMs = kept.endMs === null ? 0 : beganMs + (kept.endMs - beganMs) * RENEW_AT;
    } catch (error) {
      // The old one is good for as long as it lasts.
      if (kept === null || Date.now() >= (kept.endMs ?? 0)) throw error;
    } finally {
      pending = null;
    }
  }

  return async () => {
    if (Date.now() >= renewMs) pending ??= renew();
    if (pending !== null) await pending;
    return { value: kept!.value, extensions };
  };
}

async function requestToken(
  { tokenUrl, clientId, clientSecret, scope }: ClientCredentials,
  timeoutMs: number,
): Promise<Grant> {
  // Without a query, which may hold a secret.
  const url = new URL(tokenUrl);
  const shown = url.origin + url.pathname;
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scope === null ? {} : { scope }),
  });
  const beganMs = Date.now();
  let status: number;
  let text: string;
  try {
    const answer = await fetch(tokenUrl, {
      method: 'POST',
      headers: { authorization: basic(clientId, clientSecret), accept: 'application/json' },
      body: form,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    status = answer.status;
    text = await answer.text();
  } catch (cause) {
    const { message, cause: reason } = cause as Error;
    throw new TokenError(
      `no token from ${shown}: ${reason instanceof Error ? reason.message || message : message}`,
      'check KAFKA_OAUTH_TOKEN_URL, and the service there',
      cause,
    );
  }
  const answer = parseJson(text);
  if (status !== 200) {
    const refusal = TOKEN_REFUSAL.safeParse(answer).data;
    const reason =
      refusal === undefined ? '' : ` ${refusal.error} ${refusal.error_description ?? ''}`.trimEnd();
    throw new TokenError(
      `${shown} answered ${status}${reason}`,
      'check KAFKA_OAUTH_CLIENT_ID, KAFKA_OAUTH_CLIENT_SECRET_FILE and KAFKA_OAUTH_SCOPE',
    );
  }
  const granted = TOKEN_ANSWER.safeParse(answer).data;
  if (granted === undefined)
    throw new TokenError(
      `the answer of ${shown} has no access_token`,
      'check that KAFKA_OAUTH_TOKEN_URL is the token endpoint',
    );
  const { access_token: value, expires_in: seconds } = granted;
  return { value, endMs: seconds === undefined ? endOf(value) : beganMs + seconds * 1_000 };
}

/** Client id and secret are form-encoded first (RFC 6749 §2.3.1). */
function basic(clientId: string, clientSecret: string): string {
  const [id, secret] = [clientId, clientSecret].map((part) =>
    new URLSearchParams({ '': part }).toString().slice(1),
  );
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** When a token ends, by its own claim; null when it does not say, or is no JSON Web Token. */
function endOf(token: string): number | null {
  const claims = parseJson(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const seconds = TOKEN_CLAIMS.safeParse(claims).data?.exp;
  return seconds === undefined ? null : seconds * 1_000;
}
