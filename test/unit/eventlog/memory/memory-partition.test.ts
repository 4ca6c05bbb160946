import { MemoryPartition } from '../../../../src/eventlog/memory/memory-partition';

describe('a record of the memory log', () => {
  it('keeps bytes of its own, not the block of which they were a part', () => {
    const partition = new MemoryPartition('t');
    const block = Buffer.alloc(8_192, 'x');
    partition.append({
      topic: 't',
      key: 'key',
      value: block.subarray(10, 20),
      headers: [
        { key: 'a', value: block.subarray(30, 33) },
        { key: 'b', value: null },
      ],
    });
    const [record] = partition.read(0n, 1n, 1_000).records;
    const kept = [record!.key, record!.value, record!.headers[0]!.value].map((bytes) => bytes!);
    expect(kept.map(String)).toEqual(['key', 'xxxxxxxxxx', 'xxx']);
    for (const bytes of kept) expect(bytes.buffer).not.toBe(block.buffer);
    expect(record!.headers[1]!.value).toBeNull();
  });

  it('shares memory with its neighbours, so that small ones take little more than their bytes', () => {
    const partition = new MemoryPartition('t');
    const [records, bytes] = [1_000, 100];
    const value = Buffer.alloc(bytes, 'x');
    for (let i = 0; i < records; i++) partition.append({ topic: 't', key: null, value, headers: [] });
    const kept = partition.read(0n, BigInt(records), records * bytes * 2).records;
    expect(kept).toHaveLength(records);
    const blocks = new Set(kept.map((record) => record.value!.buffer));
    const heldBytes = [...blocks].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(heldBytes).toBeLessThan(records * bytes * 1.15);
  });
});
