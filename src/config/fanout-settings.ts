import { bytes, int, type SettingsOf } from './setting-types';

export const FANOUT_SETTINGS = {
  RING_RECORDS: int(100_000, 1, 10_000_000).describe(
    'most records in the ring, the latest ones in memory, from which streams resume and catch up',
  ),
  RING_BYTES: bytes(64 << 20, 1024).describe('most bytes of the ring, overhead included'),
  RING_WARM_RECORDS: int(10_000, 0, 10_000_000).describe(
    'records read into the ring at start, so that clients of other gateways can resume here from memory',
  ),
  FANOUT_WRITE_BYTES: bytes(64 << 10, 1).describe(
    'most bytes of events that are coalesced into one write to a stream under load',
  ),
  FANOUT_TURN_WRITES: int(2_000, 2, 1_000_000).describe(
    'writes to streams after which the event loop gets to other work',
  ),
  MAX_FRAME_BYTES: bytes(1 << 20, 1024).describe(
    'largest event on a stream; a larger record is sent as `gateway.undecodable`',
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
