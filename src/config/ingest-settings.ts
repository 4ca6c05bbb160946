import { bytes, int, ms, onOff, type SettingsOf } from './setting-types';

export const INGEST_SETTINGS = {
  INGEST: onOff(true).describe('`off`: a read-only gateway, without `POST /broadcast` and `POST /events`'),
  MAX_EVENT_BYTES: bytes(256 << 10, 1).describe('largest event that can be published'),
  MAX_BATCH_BYTES: bytes(1 << 20, 1).describe('largest batch that can be published'),
  MAX_BATCH_EVENTS: int(10_000, 1, 1_000_000).describe('most events of one batch'),
  MAX_INGEST_REQUESTS: int(2_000, 1, 1_000_000).describe('most publishing requests in flight; beyond it 503'),
  MAX_INGEST_BYTES: bytes(64 << 20, 1024).describe('most bytes of request bodies in flight; beyond it 503'),
  MAX_INGEST_EVENTS_PER_SECOND: int(0, 0, 10_000_000).describe(
    'most events published per second; beyond it 429; 0: no limit',
  ),
  MAX_INGEST_EVENTS_PER_CLIENT_PER_SECOND: int(0, 0, 10_000_000).describe(
    'most events published per second by each API key, token subject or else client address; beyond it 429; 0: no limit',
  ),
  RATE_LIMIT_BURST_MS: ms(1_000, 1).describe(
    'burst size of the rate limits, in milliseconds of the configured rate',
  ),
  RATE_LIMIT_MAX_CLIENTS: int(10_000, 1, 10_000_000).describe(
    'most clients whose rate is tracked at the same time',
  ),
} as const;

export type IngestSettings = SettingsOf<typeof INGEST_SETTINGS>;

export function ingestConfig(s: IngestSettings) {
  return {
    enabled: s.INGEST,
    maxEventBytes: s.MAX_EVENT_BYTES,
    maxBatchBytes: s.MAX_BATCH_BYTES,
    maxBatchEvents: s.MAX_BATCH_EVENTS,
    inFlight: { maxRequests: s.MAX_INGEST_REQUESTS, maxBytes: s.MAX_INGEST_BYTES },
    /** Per second; 0: no limit. */
    rate: {
      perSecond: s.MAX_INGEST_EVENTS_PER_SECOND,
      perClientPerSecond: s.MAX_INGEST_EVENTS_PER_CLIENT_PER_SECOND,
      burstMs: s.RATE_LIMIT_BURST_MS,
      maxClients: s.RATE_LIMIT_MAX_CLIENTS,
    },
  };
}
