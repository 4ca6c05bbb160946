import { bytes, int, ms, type SettingsOf } from './setting-types';

export const REPLAY_SETTINGS = {
  REPLAY_READERS: int(4, 1, 1_000).describe('reads of older records at the same time'),
  REPLAY_CHUNK_BYTES: bytes(512 << 10, 1024).describe('bytes of one read of older records'),
  REPLAY_CACHE_BYTES: bytes(32 << 20, 1024).describe(
    'bytes of older records kept for streams that read the same',
  ),
  REPLAY_CACHE_MS: ms(30_000, 0).describe(
    'time for which they are kept, and so may be served after compaction has removed them; 0: only streams that wait for the same read share it',
  ),
  REPLAY_MAX_RECORDS: int(1_000_000, 1, 1_000_000_000).describe(
    'older records one stream gets before it must come back',
  ),
  REPLAY_MAX_BYTES: bytes(256 << 20, 1024).describe(
    'bytes of older records one stream gets before it must come back',
  ),
  REPLAY_MAX_MS: ms(120_000, 100).describe('time one stream is given older records before it must come back'),
  RESUME_RECHECK_MS: ms(5_000, 1).describe('pause before an id beyond the log’s end is judged again'),
  RESUME_GROWTH_MS: ms(2_000, 1).describe(
    'time to wait for partitions that an id knows and this instance does not',
  ),
} as const;

export type ReplaySettings = SettingsOf<typeof REPLAY_SETTINGS>;

export function backfillConfig(s: ReplaySettings) {
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

export function resumeConfig(s: ReplaySettings) {
  return { recheckMs: s.RESUME_RECHECK_MS, growthMs: s.RESUME_GROWTH_MS };
}
