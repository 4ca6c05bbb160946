import {
  createOriginalRecords,
  markRecord,
  withRoomForMark,
} from '../../../../src/eventlog/kafka/origin-mark';
import { recordBytes } from '../../../../src/eventlog/kafka/protocol/record-encoder';

const TOPIC_ID = '0123456789abcdef0123456789abcdef';
const KEY = { key: 'idempotency-key', value: Buffer.from('i') };
const outgoing = { key: null, value: Buffer.from('v'), headers: withRoomForMark([KEY]) };
const marked = markRecord(outgoing, TOPIC_ID, 7n);
const read = { offset: 1n, timestampMs: 5, ...marked };

describe('the mark of a record that a gateway appended', () => {
  it('counts in a batch of its producer in its topic', () => {
    expect(createOriginalRecords(TOPIC_ID).judge(read, 7n)).toEqual({ ...read, isOriginal: true });
  });

  it.each([
    ['in a batch of another producer', TOPIC_ID, 8n],
    ['in a batch of a producer without an id', TOPIC_ID, -1n],
    ['in another topic', TOPIC_ID.replace('0', 'f'), 7n],
  ])('does not count %s', (_, topicId, producerId) => {
    expect(createOriginalRecords(topicId).judge(read, producerId)).toBe(read);
  });

  it('does not count when another one comes after it', () => {
    const twice = { ...read, headers: [...read.headers, { key: 'gateway-mark', value: null }] };
    expect(createOriginalRecords(TOPIC_ID).judge(twice, 7n)).toBe(twice);
  });

  it('is known for one producer after the other', () => {
    const originals = createOriginalRecords(TOPIC_ID);
    const others = { ...read, ...markRecord(outgoing, TOPIC_ID, 8n) };
    for (const [record, producerId, isOriginal] of [
      [read, 7n, true],
      [others, 8n, true],
      [read, 8n, undefined],
      [read, 7n, true],
    ] as const)
      expect(originals.judge(record, producerId).isOriginal).toBe(isOriginal);
  });

  it('takes the room that was kept for it, and is on no other record', () => {
    expect(recordBytes(marked)).toBe(recordBytes(outgoing));
    const plain = { ...outgoing, headers: [KEY] };
    expect(markRecord(plain, TOPIC_ID, 7n)).toBe(plain);
  });
});
