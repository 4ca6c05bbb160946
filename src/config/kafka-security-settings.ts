import { createRequire } from 'node:module';
import { z } from 'zod';
import { file, oneOf, onOff, type SettingsOf } from './setting-types';

const WITH_PASSWORD = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/** Makes the tokens of Amazon MSK. Not a dependency: it brings Amazon's client libraries, which few need. */
export const MSK_SIGNER = 'aws-msk-iam-sasl-signer-js';

export const KAFKA_SECURITY_SETTINGS = {
  KAFKA_SSL: onOff(false).describe('TLS to the brokers'),
  KAFKA_SSL_CA_FILE: file().describe('PEM file of the authority that signed the brokers’ certificates'),
  KAFKA_SSL_CERT_FILE: file().describe('PEM file of the client certificate'),
  KAFKA_SSL_KEY_FILE: file().describe('PEM file of the client key'),
  KAFKA_SSL_VERIFY: onOff(true).describe('`off`: accept any certificate; for tests only'),
  KAFKA_SASL_MECHANISM: oneOf([...WITH_PASSWORD, 'oauthbearer', 'aws-msk-iam'])
    .optional()
    .describe('SASL mechanism; unset: none'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('SASL user, for `plain` and `scram-sha-*`'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('SASL password, for `plain` and `scram-sha-*`'),
  KAFKA_OAUTH_TOKEN_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .optional()
    .describe('token endpoint that grants client credentials (RFC 6749 §4.4), for `oauthbearer`'),
  KAFKA_OAUTH_CLIENT_ID: z.string().optional().describe('client id at the token endpoint'),
  KAFKA_OAUTH_CLIENT_SECRET_FILE: file().describe(
    'file of the client secret; line breaks at its end do not count',
  ),
  KAFKA_OAUTH_SCOPE: z.string().optional().describe('scopes to ask for, separated by spaces; unset: none'),
  KAFKA_OAUTH_EXTENSIONS: extensions().describe(
    'SASL extensions for the brokers, `name=value,…` (KIP-342), such as `logicalCluster=lkc-1`',
  ),
  KAFKA_AWS_REGION: z.string().optional().describe('region of the Amazon MSK cluster, for `aws-msk-iam`'),
} as const;

type SecuritySettings = SettingsOf<typeof KAFKA_SECURITY_SETTINGS>;

/** RFC 7628 §3.1: the name, and printable characters with tab and line break. */
const EXTENSION = /^([A-Za-z]+)=([\x20-\x7e]+)$/;
/** RFC 7628 §3.1: it carries the token. */
const RESERVED_EXTENSION = 'auth';

function extensions() {
  return z
    .string()
    .transform((text, context) => {
      const found: Record<string, string> = {};
      for (const word of text.split(',').map((part) => part.trim())) {
        const [, name, value] = EXTENSION.exec(word) ?? [];
        if (name === undefined || value === undefined || name === RESERVED_EXTENSION) {
          const message = `entry "${word}" is not name=value with a name of letters other than auth`;
          context.addIssue({ code: 'custom', message });
        } else found[name] = value;
      }
      return found;
    })
    .optional();
}

/** How a connection to a broker is secured. */
export function kafkaSecurity(s: SecuritySettings) {
  return {
    /** Null: no TLS. */
    ssl: s.KAFKA_SSL
      ? {
          ca: s.KAFKA_SSL_CA_FILE ?? null,
          cert: s.KAFKA_SSL_CERT_FILE ?? null,
          key: s.KAFKA_SSL_KEY_FILE ?? null,
          rejectUnauthorized: s.KAFKA_SSL_VERIFY,
        }
      : null,
    sasl: saslConfig(s),
  };
}

/** Null: no SASL. */
function saslConfig(s: SecuritySettings) {
  switch (s.KAFKA_SASL_MECHANISM) {
    case undefined:
      return null;
    case 'oauthbearer':
      return {
        mechanism: s.KAFKA_SASL_MECHANISM,
        tokenUrl: s.KAFKA_OAUTH_TOKEN_URL!,
        clientId: s.KAFKA_OAUTH_CLIENT_ID!,
        clientSecret: oauthSecret(s)!,
        scope: s.KAFKA_OAUTH_SCOPE ?? null,
        extensions: s.KAFKA_OAUTH_EXTENSIONS ?? null,
      };
    case 'aws-msk-iam':
      return { mechanism: s.KAFKA_SASL_MECHANISM, region: s.KAFKA_AWS_REGION! };
    default:
      return {
        mechanism: s.KAFKA_SASL_MECHANISM,
        username: s.KAFKA_SASL_USERNAME!,
        password: s.KAFKA_SASL_PASSWORD!,
      };
  }
}

function oauthSecret(s: SecuritySettings): string | undefined {
  return s.KAFKA_OAUTH_CLIENT_SECRET_FILE?.replace(/[\r\n]+$/, '');
}

export function kafkaSecrets(s: SecuritySettings): readonly (string | undefined)[] {
  return [s.KAFKA_SASL_PASSWORD, oauthSecret(s)];
}

/** The settings of each mechanism: those that it needs, and those that it may have. */
const BY_MECHANISM = [
  {
    mechanisms: WITH_PASSWORD,
    needed: ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'],
    optional: [],
  },
  {
    mechanisms: ['oauthbearer'],
    needed: ['KAFKA_OAUTH_TOKEN_URL', 'KAFKA_OAUTH_CLIENT_ID', 'KAFKA_OAUTH_CLIENT_SECRET_FILE'],
    optional: ['KAFKA_OAUTH_SCOPE', 'KAFKA_OAUTH_EXTENSIONS'],
  },
  { mechanisms: ['aws-msk-iam'], needed: ['KAFKA_AWS_REGION'], optional: [] },
] as const satisfies readonly {
  mechanisms: readonly string[];
  needed: readonly (keyof SecuritySettings)[];
  optional: readonly (keyof SecuritySettings)[];
}[];

export function* kafkaSecurityContradictions(s: SecuritySettings): Iterable<string> {
  const mechanism = s.KAFKA_SASL_MECHANISM;
  for (const { mechanisms, needed, optional } of BY_MECHANISM) {
    const isChosen = mechanism !== undefined && (mechanisms as readonly string[]).includes(mechanism);
    if (isChosen) {
      const missing = needed.filter((name) => s[name] === undefined);
      if (missing.length > 0)
        yield `KAFKA_SASL_MECHANISM=${mechanism} needs ${missing.join(' and ')} as well`;
    } else
      for (const name of [...needed, ...optional])
        if (s[name] !== undefined)
          yield `${name} is for KAFKA_SASL_MECHANISM=${mechanisms.join(' or ')} only`;
  }
  if (mechanism === 'aws-msk-iam') {
    if (!s.KAFKA_SSL) yield 'KAFKA_SSL must be on for KAFKA_SASL_MECHANISM=aws-msk-iam';
    if (!isInstalled(MSK_SIGNER))
      yield `KAFKA_SASL_MECHANISM=aws-msk-iam needs a package that is not installed: npm install ${MSK_SIGNER}`;
  }
  if ((s.KAFKA_SSL_CERT_FILE === undefined) !== (s.KAFKA_SSL_KEY_FILE === undefined))
    yield 'KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE must be set together';
  if (!s.KAFKA_SSL && (s.KAFKA_SSL_CA_FILE ?? s.KAFKA_SSL_CERT_FILE) !== undefined)
    yield 'KAFKA_SSL must be on when a KAFKA_SSL_*_FILE is set';
}

function isInstalled(name: string): boolean {
  try {
    createRequire(__filename).resolve(name);
    return true;
  } catch {
    return false;
  }
}
