import { randomBytes } from 'node:crypto';
import { decodeRecordSet } from '../../../../../src/eventlog/kafka/protocol/record-batch';
import {
  encodeRecordBatch,
  type OutgoingRecord,
  recordBytes,
} from '../../../../../src/eventlog/kafka/protocol/record-encoder';

const RECORDS: readonly OutgoingRecord[] = [
  { key: null, value: Buffer.alloc(0), headers: [] },
  { key: Buffer.alloc(0), value: Buffer.from([0, 255, 10, 13]), headers: [{ key: 'a', value: null }] },
  {
    key: Buffer.from('schlüssel'),
    value: randomBytes(70_000),
    headers: [
      { key: '2', value: Buffer.alloc(200, 'x') },
      { key: 'ü', value: Buffer.alloc(0) },
      { key: '2', value: Buffer.from('again') },
    ],
  },
];

it('a batch is read back as it was written, checksum included', () => {
  const timestampMs = 1_700_000_000_123;
  const { records, next, gaps } = decodeRecordSet(encodeRecordBatch(RECORDS, timestampMs), 0n, []);
  expect(gaps).toEqual([]);
  expect(next).toBe(3n);
  expect(records).toEqual(RECORDS.map((record, i) => ({ ...record, offset: BigInt(i), timestampMs })));
});

it('holds many records, whose numbers take more than one byte', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({
    key: null,
    value: Buffer.from(String(i)),
    headers: [],
  }));
  const { records } = decodeRecordSet(encodeRecordBatch(many, 0), 0n, []);
  expect(records.map(({ value }) => value!.toString())).toEqual(many.map(({ value }) => value.toString()));
});

it('a record never takes more than its size says', () => {
  const empty = encodeRecordBatch([], 0).length;
  for (const record of RECORDS) {
    const bytes = encodeRecordBatch([record], 0).length - empty;
    expect(bytes).toBeLessThanOrEqual(recordBytes(record));
    expect(recordBytes(record) - bytes).toBeLessThan(10);
  }
});

it('keeps header keys apart that are alike in their length or their bytes', () => {
  // “Ã©” in UTF-16 has the numbers that the bytes of “é” have; one key more or less moves its neighbours.
  const keys = [['ab'], ['ab'], ['ac'], ['Ã©'], ['é'], [''], ['ab', 'ac'], ['ac'], [], ['ac', 'ab', 'x']];
  const written = keys.map((names) => ({
    key: null,
    value: Buffer.alloc(0),
    headers: names.map((key) => ({ key, value: null })),
  }));
  const { records } = decodeRecordSet(encodeRecordBatch(written, 0), 0n, []);
  expect(records.map(({ headers }) => headers.map(({ key }) => key))).toEqual(keys);
});
