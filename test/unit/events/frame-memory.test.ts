import { createSlabs } from '../../../src/slabs';
import { createTestFeed, layoutAt, TOPIC } from '../../support/feed';

/** What the memory that these buffers are views of takes. */
function heldBytes(buffers: readonly Buffer[]): number {
  let bytes = 0;
  for (const { byteLength } of new Set(buffers.map(({ buffer }) => buffer))) bytes += byteLength;
  return bytes;
}

describe('memory for frames', () => {
  it('is shared by neighbours, and no byte belongs to two frames', () => {
    const allocate = createSlabs();
    const frames = Array.from({ length: 1_000 }, (_, i) => allocate(1 + (i % 300)).fill(i % 251));
    expect(new Set(frames.map(({ buffer }) => buffer)).size).toBeLessThan(100);
    for (const [i, frame] of frames.entries()) {
      expect(frame).toHaveLength(1 + (i % 300));
      expect(frame.every((byte) => byte === i % 251)).toBe(true);
    }
  });

  it.each([1, 100, 1_000, 1_024, 1_025, 5_000])('is little more than frames of %i bytes need', (bytes) => {
    const allocate = createSlabs();
    const count = Math.ceil(1_000_000 / bytes);
    const frames = Array.from({ length: count }, () => allocate(bytes));
    expect(heldBytes(frames)).toBeLessThan(bytes * count * 1.15);
  });

  it('goes with the ring’s entries, also when most records are repeats that never come into it', () => {
    const { feed, hub } = createTestFeed();
    feed.onStart(layoutAt(0n));
    const keyed = { timestampMs: 0, key: null, value: Buffer.alloc(400, 'r') };
    const headers = [{ key: 'idempotency-key', value: Buffer.from('k') }];
    for (let offset = 0n; offset < 5_000n; offset++) {
      const isOther = offset % 50n === 1n;
      const record = { ...keyed, offset, headers: isOther ? [] : headers, isOriginal: true };
      feed.onRecords({ topic: TOPIC, partition: 0, records: [record], next: offset + 1n, leaderEpoch: 0 });
    }
    const { ring } = hub;
    const held = Array.from({ length: ring.head - ring.base }, (_, i) => ring.at(ring.base + i).bytes);
    expect(feed.stats().repeats).toBeGreaterThan(4_000);
    // Two slabs may be held in part: that of the oldest entry and that of the newest.
    expect(heldBytes(held)).toBeLessThan(ring.bytes + 2 * 8_192);
  });
});
