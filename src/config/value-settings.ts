import { z } from 'zod';
import { bytes, file, int, list, ms, type SettingsOf } from './setting-types';
import type { TopicSetting } from './topic-settings';

/** Settings of values that are not text, and of the schema registry that describes them. */
export const VALUE_SETTINGS = {
  SCHEMA_REGISTRY_URL: list(registryUrlFault).describe(
    'schema registry with Confluent’s API, as a URL with its path; several for one registry are tried in turn',
  ),
  SCHEMA_REGISTRY_USERNAME: z.string().optional().describe('user at the registry (basic authentication)'),
  SCHEMA_REGISTRY_PASSWORD: z.string().optional().describe('password at the registry'),
  SCHEMA_REGISTRY_TOKEN: z.string().optional().describe('bearer token for the registry, instead of a user'),
  SCHEMA_REGISTRY_CA_FILE: file().describe(
    'PEM file of the authority that signed the registry’s certificate',
  ),
  SCHEMA_REGISTRY_CERT_FILE: file().describe('PEM file of the client certificate for the registry'),
  SCHEMA_REGISTRY_KEY_FILE: file().describe('PEM file of the client key for the registry'),
  SCHEMA_REGISTRY_TIMEOUT_MS: ms(5_000, 10).describe('longest time of a request to the registry'),
  SCHEMA_REGISTRY_RETRY_MIN_MS: ms(200, 1).describe(
    'backoff: first pause before a registry that failed is asked again; doubles each time',
  ),
  SCHEMA_REGISTRY_RETRY_MAX_MS: ms(5_000, 1).describe('backoff: longest pause'),
  SCHEMA_REGISTRY_UNKNOWN_MS: ms(10_000, 0).describe(
    'how long an id that the registry does not know counts as unknown before it is asked again',
  ),
  SCHEMA_REGISTRY_MAX_SCHEMA_BYTES: bytes(1 << 20, 1024).describe('most bytes of one answer of the registry'),
  VALUE_MAX_DEPTH: int(64, 1, 500).describe('most objects and lists within each other in a decoded value'),
  VALUE_MAX_NODES: int(100_000, 1, 100_000_000).describe(
    'most members of all objects and lists of a decoded value together',
  ),
} as const;

export type ValueSettings = SettingsOf<typeof VALUE_SETTINGS>;

function registryUrlFault(word: string): string | null {
  const url = URL.canParse(word) ? new URL(word) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return 'is no URL with http:// or https://';
  if (url.username !== '' || url.password !== '')
    return 'has a user: set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD instead';
  return url.search === '' && url.hash === '' ? null : 'has a query or a fragment';
}

export function valueConfig(s: ValueSettings) {
  return {
    /** Null: there is no registry. */
    registry:
      s.SCHEMA_REGISTRY_URL.length === 0
        ? null
        : {
            urls: s.SCHEMA_REGISTRY_URL.map((url) => url.replace(/\/+$/, '')),
            authorization: authorizationOf(s),
            ca: s.SCHEMA_REGISTRY_CA_FILE ?? null,
            cert: s.SCHEMA_REGISTRY_CERT_FILE ?? null,
            key: s.SCHEMA_REGISTRY_KEY_FILE ?? null,
            timeoutMs: s.SCHEMA_REGISTRY_TIMEOUT_MS,
            retryMinMs: s.SCHEMA_REGISTRY_RETRY_MIN_MS,
            retryMaxMs: s.SCHEMA_REGISTRY_RETRY_MAX_MS,
            unknownMs: s.SCHEMA_REGISTRY_UNKNOWN_MS,
            maxSchemaBytes: s.SCHEMA_REGISTRY_MAX_SCHEMA_BYTES,
          },
    limits: { maxDepth: s.VALUE_MAX_DEPTH, maxNodes: s.VALUE_MAX_NODES },
  };
}

/** The header that each request to the registry has; null: none. */
function authorizationOf(s: ValueSettings): string | null {
  if (s.SCHEMA_REGISTRY_TOKEN !== undefined) return `Bearer ${s.SCHEMA_REGISTRY_TOKEN}`;
  if (s.SCHEMA_REGISTRY_USERNAME === undefined) return null;
  const user = `${s.SCHEMA_REGISTRY_USERNAME}:${s.SCHEMA_REGISTRY_PASSWORD ?? ''}`;
  return `Basic ${Buffer.from(user).toString('base64')}`;
}

export function registrySecrets(s: ValueSettings): (string | undefined)[] {
  return [s.SCHEMA_REGISTRY_PASSWORD, s.SCHEMA_REGISTRY_TOKEN];
}

export function* valueContradictions(
  s: ValueSettings,
  topics: readonly Pick<TopicSetting, 'name' | 'key' | 'value'>[],
): Iterable<string> {
  const needing = topics.find(({ key, value }) => key === 'registry' || value === 'registry');
  if (needing !== undefined && s.SCHEMA_REGISTRY_URL.length === 0)
    yield `SCHEMA_REGISTRY_URL must be set, because topic ${needing.name} has schemas in a registry`;
  if ((s.SCHEMA_REGISTRY_USERNAME === undefined) !== (s.SCHEMA_REGISTRY_PASSWORD === undefined))
    yield 'SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD must be set together';
  if (s.SCHEMA_REGISTRY_USERNAME !== undefined && s.SCHEMA_REGISTRY_TOKEN !== undefined)
    yield 'SCHEMA_REGISTRY_TOKEN must not be set with SCHEMA_REGISTRY_USERNAME';
  if ((s.SCHEMA_REGISTRY_CERT_FILE === undefined) !== (s.SCHEMA_REGISTRY_KEY_FILE === undefined))
    yield 'SCHEMA_REGISTRY_CERT_FILE and SCHEMA_REGISTRY_KEY_FILE must be set together';
  if (s.SCHEMA_REGISTRY_RETRY_MIN_MS > s.SCHEMA_REGISTRY_RETRY_MAX_MS)
    yield 'SCHEMA_REGISTRY_RETRY_MIN_MS must not be greater than SCHEMA_REGISTRY_RETRY_MAX_MS';
  const tls = s.SCHEMA_REGISTRY_CA_FILE ?? s.SCHEMA_REGISTRY_CERT_FILE;
  if (tls !== undefined && !s.SCHEMA_REGISTRY_URL.some((url) => url.startsWith('https:')))
    yield 'SCHEMA_REGISTRY_URL must begin with https:// when a SCHEMA_REGISTRY_*_FILE is set';
  const login = s.SCHEMA_REGISTRY_USERNAME ?? s.SCHEMA_REGISTRY_TOKEN;
  if (login !== undefined && s.SCHEMA_REGISTRY_URL.length === 0)
    yield 'SCHEMA_REGISTRY_URL must be set with SCHEMA_REGISTRY_USERNAME or SCHEMA_REGISTRY_TOKEN';
}
