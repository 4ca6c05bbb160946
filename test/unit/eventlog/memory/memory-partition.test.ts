import { MemoryPartition } from '../../../../src/eventlog/memory/memory-partition';

describe('a record of the memory log', () => {
  it('keeps its own bytes only, not the blocks of which they were a part', () => {
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
    for (const bytes of kept) expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(record!.headers[1]!.value).toBeNull();
  });
});
