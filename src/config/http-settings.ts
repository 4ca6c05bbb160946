import { z } from 'zod';
import { bytes, int, list, ms, type SettingsOf } from './setting-types';
import type { StreamSettings } from './stream-settings';

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/i;

/** Lets a gateway with MAX_STREAMS open still answer publishers, probes and scrapes. The description names this number. */
const CONNECTIONS_BESIDES_STREAMS = 500;

export const HTTP_SETTINGS = {
  PORT: int(3_000, 0, 65_535).describe('HTTP port; 0: a free one, chosen by the system'),
  HOST: z
    .string()
    .transform((host) => host.trim().replace(/^\[(.*)\]$/, '$1'))
    .default('0.0.0.0')
    .describe('address to listen on'),
  HTTP_HEADERS_TIMEOUT_MS: ms(15_000, 100).describe(
    'longest time for a client to send the head of a request',
  ),
  HTTP_REQUEST_TIMEOUT_MS: ms(30_000, 100).describe('longest time for a client to send a whole request'),
  HTTP_CHECK_MS: ms(5_000, 10).describe(
    'how often HTTP_HEADERS_TIMEOUT_MS and HTTP_REQUEST_TIMEOUT_MS are checked',
  ),
  HTTP_MAX_HEADER_BYTES: bytes(16 << 10, 1024).describe('largest head of a request'),
  HTTP_KEEP_ALIVE_MS: ms(75_000, 0).describe(
    'idle time after which a connection without a request is closed; set it longer than the proxy’s',
  ),
  HTTP_BACKLOG: int(4_096, 1, 65_535).describe(
    'length of the queue of connections that are not yet accepted',
  ),
  HTTP_MAX_CONNECTIONS: int(0, 0, 1_000_000).describe(
    'most open connections, streams included; further ones are closed at once; 0: MAX_STREAMS + 500',
  ),
  RESERVED_FILES: int(200, 0, 1_000_000).describe(
    'file descriptors reserved for Kafka and files; a process limit (`ulimit -n`) below HTTP_MAX_CONNECTIONS plus this lowers the number of connections',
  ),
  CORS_ORIGINS: list(originFault, originOf).describe(
    'exact origins whose pages may read, with credentials; unset: any origin, without credentials',
  ),
  TRUST_PROXY: int(0, 0, 100).describe(
    'number of proxies in front whose `X-Forwarded-For` is trusted; 0: the peer is the client',
  ),
  ADMIN_KEY: z
    .string()
    .optional()
    .describe('key for `/admin/` and `/metrics`; unset: only requests from this machine are answered'),
} as const;

type HttpSettings = SettingsOf<typeof HTTP_SETTINGS>;

/** As browsers send it, since it is compared exactly: lower case, no trailing slash or default port, Punycode. */
function originOf(text: string): string {
  const bare = text.replace(/\/$/, '');
  if (!ORIGIN.test(bare)) return text;
  return /^https?:/i.test(bare) && URL.canParse(bare) ? new URL(bare).origin : bare.toLowerCase();
}

function originFault(text: string): string | null {
  return ORIGIN.test(text)
    ? null
    : 'is not an origin such as https://www.example.com, without a path; unset: any origin may read';
}

export function httpConfig(s: HttpSettings & Pick<StreamSettings, 'MAX_STREAMS'>) {
  return {
    port: s.PORT,
    host: s.HOST,
    /** Empty: any origin, without credentials. */
    corsOrigins: s.CORS_ORIGINS,
    trustProxy: s.TRUST_PROXY,
    /** Null: only requests made on this machine see the admin page. */
    adminKey: s.ADMIN_KEY ?? null,
    headersTimeoutMs: s.HTTP_HEADERS_TIMEOUT_MS,
    requestTimeoutMs: s.HTTP_REQUEST_TIMEOUT_MS,
    keepAliveMs: s.HTTP_KEEP_ALIVE_MS,
    backlog: s.HTTP_BACKLOG,
    checkMs: s.HTTP_CHECK_MS,
    maxHeaderBytes: s.HTTP_MAX_HEADER_BYTES,
    maxConnections: s.HTTP_MAX_CONNECTIONS || s.MAX_STREAMS + CONNECTIONS_BESIDES_STREAMS,
    reservedFiles: s.RESERVED_FILES,
  };
}

export function* httpContradictions(s: HttpSettings & Pick<StreamSettings, 'MAX_STREAMS'>): Iterable<string> {
  if (s.HTTP_MAX_CONNECTIONS !== 0 && s.HTTP_MAX_CONNECTIONS < s.MAX_STREAMS)
    yield 'HTTP_MAX_CONNECTIONS must not be less than MAX_STREAMS';
  if (s.HTTP_HEADERS_TIMEOUT_MS > s.HTTP_REQUEST_TIMEOUT_MS)
    yield 'HTTP_HEADERS_TIMEOUT_MS must not be greater than HTTP_REQUEST_TIMEOUT_MS';
}
