import type { IngestSettings } from './ingest-settings';
import { bytes, int, ms, type SettingsOf } from './setting-types';

export const STREAM_SETTINGS = {
  STREAM_CHECK_MS: ms(1_000, 10).describe('how often all streams are looked at for silence and slowness'),
  KAFKA_STATUS_CHECK_MS: ms(250, 10).describe('how often streams are told that Kafka went away or is back'),
  HEARTBEAT_MS: ms(15_000, 100).describe('silence on a stream after which a comment is sent'),
  RETRY_MIN_MS: ms(1_000, 1).describe('lower end of the reconnect time that a stream is told'),
  RETRY_MAX_MS: ms(5_000, 1).describe('upper end of the reconnect time that a stream is told'),
  MAX_CLIENT_BUFFER_BYTES: bytes(64 << 10, 1024).describe(
    'unsent bytes of a stream after which it is fed alone',
  ),
  MAX_BUFFERED_BYTES: bytes(512 << 20, 1024).describe(
    'unsent bytes of all streams; beyond it the fullest are closed',
  ),
  SLOW_GRACE_MS: ms(15_000, 100).describe('a stream that takes no byte for this long is closed'),
  MAX_STREAMS: int(18_000, 1, 1_000_000).describe('open streams of this process'),
  MAX_STREAMS_PER_IP: int(0, 0, 1_000_000).describe(
    'open streams of one client address, of IPv6 of one /64 network; 0 means no limit',
  ),
  MAX_NEW_STREAMS_PER_SECOND: int(0, 0, 1_000_000).describe(
    'new streams in a second; those beyond come back after their reconnect time; 0 means no limit',
  ),
  MAX_SUBSCRIPTIONS: int(18_000, 1, 1_000_000).describe(
    'different sets of channels and filters that the open streams have',
  ),
  MAX_EVENT_NAMES_PER_STREAM: int(20, 1, 1_000).describe('event names one stream may ask for'),
  MAX_CHANNELS_PER_STREAM: int(20, 1, 1_000).describe('channels one stream may ask for'),
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
  if (s.RETRY_MIN_MS > s.RETRY_MAX_MS) yield 'RETRY_MIN_MS must not be over RETRY_MAX_MS';
}
