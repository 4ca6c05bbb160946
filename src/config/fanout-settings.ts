import { autoOrMs, bytes, int, ms, type SettingsOf } from './setting-types';

export const FANOUT_SETTINGS = {
  RING_RECORDS: int(100_000, 1, 10_000_000).describe(
    'most records in the ring, the latest ones in memory, from which streams resume and catch up',
  ),
  RING_BYTES: bytes(64 << 20, 1024).describe(
    'most bytes of the ring, overhead and its index by channel included',
  ),
  RING_WARM_RECORDS: int(10_000, 0, 10_000_000).describe(
    'records read into the ring at start, so that clients of other gateways can resume here from memory',
  ),
  FANOUT_WRITE_BYTES: bytes(64 << 10, 1).describe(
    'most bytes of events that are coalesced into one write to a stream under load',
  ),
  FANOUT_TURN_WRITES: int(2_000, 2, 1_000_000).describe(
    'writes to streams after which the event loop gets to other work',
  ),
  FANOUT_GATHER_MS: autoOrMs(0, 60_000).describe(
    'shortest time between two writes of new events to a stream, so that they share a write; `auto`: under load up to 20 ms, else 0',
  ),
  MAX_FRAME_BYTES: bytes(1 << 20, 1024).describe(
    'largest event on a stream; a larger record is sent as `gateway.undecodable`',
  ),
  REPLAY_READERS: int(4, 1, 1_000).describe(
    'most reads of history (records older than the ring) at the same time',
  ),
  REPLAY_CHUNK_BYTES: bytes(512 << 10, 1024).describe('most bytes of one read of history'),
  REPLAY_CACHE_BYTES: bytes(128 << 20, 1024).describe(
    'most bytes of history cached for streams that replay the same',
  ),
  REPLAY_CACHE_MS: ms(30_000, 0).describe(
    'how long history is cached, and so may be sent after compaction has removed it; 0: it is shared only by streams that wait for the same read',
  ),
  REPLAY_MAX_RECORDS: int(1_000_000, 1, 1_000_000_000).describe(
    'most records of history for one stream; beyond it the stream is closed and the client resumes',
  ),
  REPLAY_MAX_BYTES: bytes(256 << 20, 1024).describe(
    'most bytes of history for one stream; beyond it the stream is closed and the client resumes',
  ),
  REPLAY_MAX_MS: ms(120_000, 100).describe(
    'longest time that one stream replays history; beyond it the stream is closed and the client resumes',
  ),
  RESUME_RECHECK_MS: ms(5_000, 1).describe(
    'pause before an id beyond the end of the event log is checked again',
  ),
  RESUME_GROWTH_MS: ms(2_000, 1).describe(
    'longest wait for partitions that an id names and this gateway does not know yet',
  ),
} as const;

export type FanoutSettings = SettingsOf<typeof FANOUT_SETTINGS>;

export function fanoutConfig(s: FanoutSettings) {
  return {
    ring: { records: s.RING_RECORDS, bytes: s.RING_BYTES },
    warmRecords: s.RING_WARM_RECORDS,
    writeBytes: s.FANOUT_WRITE_BYTES,
    turnWrites: s.FANOUT_TURN_WRITES,
    gather: s.FANOUT_GATHER_MS,
    maxFrameBytes: s.MAX_FRAME_BYTES,
  };
}

export function replayConfig(s: FanoutSettings) {
  return {
    readers: s.REPLAY_READERS,
    chunkBytes: s.REPLAY_CHUNK_BYTES,
    cacheBytes: s.REPLAY_CACHE_BYTES,
    cacheMs: s.REPLAY_CACHE_MS,
    maxRecords: s.REPLAY_MAX_RECORDS,
    maxBytes: s.REPLAY_MAX_BYTES,
    maxMs: s.REPLAY_MAX_MS,
  };
}

export function resumeConfig(s: FanoutSettings) {
  return { recheckMs: s.RESUME_RECHECK_MS, growthMs: s.RESUME_GROWTH_MS };
}
