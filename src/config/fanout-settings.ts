import { bytes, int, type SettingsOf } from './setting-types';

export const FANOUT_SETTINGS = {
  RING_RECORDS: int(100_000, 1, 10_000_000).describe('records kept ready for streams that are behind'),
  RING_BYTES: bytes(64 << 20, 1024).describe(
    'bytes kept ready for streams that are behind, overhead included',
  ),
  RING_WARM_RECORDS: int(10_000, 0, 10_000_000).describe(
    'records read into the ring at start, so that clients of others can go on here',
  ),
  FANOUT_WRITE_BYTES: bytes(64 << 10, 1).describe(
    'bytes of events that one write to a stream gathers under load',
  ),
  FANOUT_TURN_WRITES: int(2_000, 2, 1_000_000).describe(
    'writes to streams after which other work gets its turn',
  ),
  MAX_FRAME_BYTES: bytes(1 << 20, 1024).describe(
    'size of one event on a stream; a larger record is shown as undecodable',
  ),
} as const;

export type FanoutSettings = SettingsOf<typeof FANOUT_SETTINGS>;

export function fanoutConfig(s: FanoutSettings) {
  return {
    ring: { records: s.RING_RECORDS, bytes: s.RING_BYTES },
    warmRecords: s.RING_WARM_RECORDS,
    writeBytes: s.FANOUT_WRITE_BYTES,
    turnWrites: s.FANOUT_TURN_WRITES,
    maxFrameBytes: s.MAX_FRAME_BYTES,
  };
}
