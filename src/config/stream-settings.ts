import type { IngestSettings } from './ingest-settings';
import { bytes, int, ms, type SettingsOf } from './setting-types';

export const STREAM_SETTINGS = {
  STREAM_CHECK_MS: ms(1_000, 10).describe(
    'how often all streams are checked for heartbeats, slow clients and expired tokens',
  ),
  KAFKA_STATUS_CHECK_MS: ms(250, 10).describe(
    'how often to check whether Kafka became unreachable or came back, for `gateway.status`',
  ),
  HEARTBEAT_MS: ms(15_000, 100).describe('silence on a stream after which a heartbeat is sent'),
  RETRY_MIN_MS: ms(1_000, 1).describe(
    'shortest reconnect time (`retry:`) that a stream is given; random up to RETRY_MAX_MS',
  ),
  RETRY_MAX_MS: ms(5_000, 1).describe('longest reconnect time (`retry:`) that a stream is given'),
  MAX_CLIENT_BUFFER_BYTES: bytes(64 << 10, 1024).describe(
    'unsent bytes after which a client counts as slow: its stream leaves its audience and is served alone from its own position',
  ),
  MAX_BUFFERED_BYTES: bytes(512 << 20, 1024).describe(
    'most unsent bytes of all streams together; beyond it the streams with the most are closed',
  ),
  SLOW_GRACE_MS: ms(15_000, 100).describe(
    'time without progress after which a slow client’s stream is closed',
  ),
  MAX_STREAMS: int(18_000, 1, 1_000_000).describe('most open streams of this gateway'),
  MAX_STREAMS_PER_IP: int(0, 0, 1_000_000).describe(
    'most open streams of one client address (IPv6: of one /64 network); 0: no limit',
  ),
  MAX_NEW_STREAMS_PER_SECOND: int(0, 0, 1_000_000).describe(
    'most streams opened per second; further clients are told to reconnect later; 0: no limit',
  ),
  MAX_SUBSCRIPTIONS: int(18_000, 1, 1_000_000).describe(
    'most different subscriptions (sets of channels and event names) at the same time',
  ),
  MAX_EVENT_NAMES_PER_STREAM: int(20, 1, 1_000).describe('most event names in the filter of one stream'),
  MAX_CHANNELS_PER_STREAM: int(20, 1, 1_000).describe('most channels of one stream'),
} as const;

export type StreamSettings = SettingsOf<typeof STREAM_SETTINGS>;

export function streamConfig(s: StreamSettings & Pick<IngestSettings, 'RATE_LIMIT_BURST_MS'>) {
  return {
    checkMs: s.STREAM_CHECK_MS,
    logCheckMs: s.KAFKA_STATUS_CHECK_MS,
    heartbeatMs: s.HEARTBEAT_MS,
    retryMinMs: s.RETRY_MIN_MS,
    retryMaxMs: s.RETRY_MAX_MS,
    maxClientBufferBytes: s.MAX_CLIENT_BUFFER_BYTES,
    maxBufferedBytes: s.MAX_BUFFERED_BYTES,
    slowGraceMs: s.SLOW_GRACE_MS,
    maxStreams: s.MAX_STREAMS,
    /** 0: no limit. */
    maxStreamsPerIp: s.MAX_STREAMS_PER_IP,
    /** 0: no limit. */
    acceptPerSecond: s.MAX_NEW_STREAMS_PER_SECOND,
    acceptBurstMs: s.RATE_LIMIT_BURST_MS,
    maxSubscriptions: s.MAX_SUBSCRIPTIONS,
    maxEventNames: s.MAX_EVENT_NAMES_PER_STREAM,
    maxChannels: s.MAX_CHANNELS_PER_STREAM,
  };
}

export function* streamContradictions(s: StreamSettings): Iterable<string> {
  if (s.RETRY_MIN_MS > s.RETRY_MAX_MS) yield 'RETRY_MIN_MS must not be greater than RETRY_MAX_MS';
}
