import { parseConfig } from '../../../../src/config';
import type { GatewayError } from '../../../../src/errors';
import type { AppendResult } from '../../../../src/eventlog/event-log';
import { PartitionWriter } from '../../../../src/eventlog/kafka/partition-writer';
import type { ProducerId } from '../../../../src/eventlog/kafka/producer-sequence';
import { ERROR_CODE } from '../../../../src/eventlog/kafka/protocol/protocol-error';
import { decodeRecordSet } from '../../../../src/eventlog/kafka/protocol/record-batch';

const PRODUCER = 77n;
const { kafka, append } = parseConfig({ KAFKA_BROKERS: 'b:1' });
const logger = { debug: jest.fn(), info: jest.fn(), warn: jest.fn(), error: jest.fn() };

/** A writer whose leader is the test. */
class Partition {
  readonly dropped: bigint[] = [];
  readonly results = new Map<string, string>();
  readonly writer: PartitionWriter;
  tried = 0;

  constructor() {
    const producerId: ProducerId = { get: async () => PRODUCER, drop: (id) => this.dropped.push(id) };
    this.writer = new PartitionWriter({
      partition: { topic: 't', partition: 3 },
      kafka,
      append,
      logger,
      tally: { records: 0, bytes: 0 },
      producerId,
    });
  }

  push(...values: string[]): void {
    for (const value of values) {
      this.writer.push({
        record: { key: null, value: Buffer.from(value), headers: [] },
        bytes: 10,
        deadlineMs: 1_000,
        onSettled: (result) => this.results.set(value, told(result)),
        settled: false,
      });
    }
  }

  /** What is sent now: who wrote it, its first number, its records; null when nothing. */
  send(
    maxRecords = 100,
  ): { bytes: Buffer; id: bigint; epoch: number; base: number; values: string[] } | null {
    const sealed = this.writer.seal(PRODUCER, maxRecords, 1 << 20);
    if (sealed === null) return null;
    const { bytes } = sealed;
    this.tried = sealed.tried;
    return {
      bytes,
      id: bytes.readBigInt64BE(43),
      epoch: bytes.readInt16BE(51),
      base: bytes.readInt32BE(53),
      values: decodeRecordSet(bytes, 0n, []).records.map(({ value }) => String(value)),
    };
  }

  lose(): void {
    this.writer.lost(this.tried);
  }

  answer(errorCode: number, baseOffset = -1n): Error | null {
    return this.writer.answered(this.tried, { errorCode, baseOffset });
  }

  sent(values: string): [number, number, string] | null {
    const batch = this.send();
    if (batch === null) return null;
    expect(batch.values.join()).toBe(values);
    return [batch.epoch, batch.base, batch.values.join()];
  }
}

const told = (result: AppendResult) =>
  result.ok ? `at ${result.offset}` : (result.error as GatewayError).code;

const { NONE } = ERROR_CODE;

it('numbers the records of its partition, batch after batch', () => {
  const p = new Partition();
  p.push('a', 'b', 'c');
  expect(p.send(2)).toMatchObject({ id: PRODUCER, epoch: 0, base: 0, values: ['a', 'b'] });
  expect(p.writer.waitMs(0)).toBe(Number.POSITIVE_INFINITY);
  p.answer(NONE, 10n);
  expect(p.send(2)).toMatchObject({ epoch: 0, base: 2, values: ['c'] });
  p.answer(NONE, 12n);
  expect(p.send()).toBeNull();
  expect([...p.results]).toEqual([
    ['a', 'at 10'],
    ['b', 'at 11'],
    ['c', 'at 12'],
  ]);
});

it('sends the very same bytes again while the outcome is unknown, whoever waits still, and whatever else came', () => {
  const p = new Partition();
  p.push('a', 'b');
  const first = p.send()!;
  p.lose();
  p.push('c');
  const second = p.send()!;
  expect(second.bytes.equals(first.bytes)).toBe(true);
  expect(p.answer(ERROR_CODE.NOT_LEADER_OR_FOLLOWER)?.message).toContain('NOT_LEADER_OR_FOLLOWER');
  expect(p.send()!.bytes.equals(first.bytes)).toBe(true);
  // It is certain that this try was not stored, but not that the others were not.
  p.answer(ERROR_CODE.NOT_ENOUGH_REPLICAS);
  expect(p.send()!.bytes.equals(first.bytes)).toBe(true);
  p.answer(NONE, 5n);
  expect(p.sent('c')).toEqual([0, 2, 'c']);
});

it('does not wait for a leader that is deposed, and does not heed its late answer', () => {
  const p = new Partition();
  p.push('a');
  const first = p.send()!;
  const toDeposed = p.tried;
  p.writer.moved();
  expect(p.send()!.bytes.equals(first.bytes)).toBe(true);
  expect(p.writer.answered(toDeposed, { errorCode: NONE, baseOffset: 3n })).toBeNull();
  p.writer.lost(toDeposed);
  expect(p.results.size).toBe(0);
  p.answer(NONE, 7n);
  expect(p.results.get('a')).toBe('at 7');
  p.push('b');
  expect(p.sent('b')).toEqual([0, 1, 'b']);
});

it('gives up a batch of unknown outcome when nobody waits for it, and goes on under the next epoch', () => {
  const p = new Partition();
  p.push('a');
  p.send();
  p.lose();
  expect(p.writer.expire(1_000)).toBe(Number.POSITIVE_INFINITY);
  expect(p.results.get('a')).toBe('outcome-unknown');
  p.push('b');
  expect(p.sent('b')).toEqual([1, 0, 'b']);
  p.answer(NONE, 1n);
  p.push('c');
  expect(p.sent('c')).toEqual([1, 1, 'c']);
});

it('leaves out what was reported as not stored, and keeps the numbers for what follows', () => {
  const p = new Partition();
  p.push('a');
  p.send();
  p.answer(ERROR_CODE.NOT_ENOUGH_REPLICAS);
  p.writer.expire(1_000);
  expect(p.results.get('a')).toBe('log-unavailable');
  p.push('b');
  expect(p.sent('b')).toEqual([0, 0, 'b']);
});

it('tells nothing of what was never sent but that it was not stored', () => {
  const p = new Partition();
  p.push('a');
  p.writer.failed(new Error('no producer id'));
  p.writer.expire(1_000);
  expect(p.results.get('a')).toBe('log-unavailable');
  p.push('b');
  expect(p.sent('b')).toEqual([0, 0, 'b']);
});

it('takes a batch that the broker has already as stored, where it says', () => {
  const p = new Partition();
  p.push('a');
  p.send();
  p.lose();
  p.send();
  p.answer(NONE, 41n);
  expect(p.results.get('a')).toBe('at 41');
});

it.each([
  ['says so by an error', ERROR_CODE.DUPLICATE_SEQUENCE_NUMBER],
  ['answers without a place', NONE],
])('does not make up a place when the broker has it, but not where: %s', (_, errorCode) => {
  const p = new Partition();
  p.push('a');
  p.send();
  p.answer(errorCode, -1n);
  expect(p.results.get('a')).toBe('outcome-unknown');
  p.push('b');
  expect(p.sent('b')).toEqual([0, 1, 'b']);
});

it.each([
  ['lost the end of its log', ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER],
  ['forgot the producer', ERROR_CODE.UNKNOWN_PRODUCER_ID],
])('begins a new sequence with the same records when the broker has %s', (_, errorCode) => {
  const p = new Partition();
  p.push('a');
  p.send();
  p.answer(NONE, 0n);
  p.push('b');
  p.send();
  p.lose();
  p.send();
  expect(p.answer(errorCode)).not.toBeNull();
  expect(p.dropped).toEqual([]);
  expect(p.sent('b')).toEqual([1, 0, 'b']);
  p.answer(NONE, 1n);
  expect(p.results.get('b')).toBe('at 1');
});

it('takes another producer id when another has its epoch', () => {
  const p = new Partition();
  p.push('a');
  p.send();
  p.answer(ERROR_CODE.INVALID_PRODUCER_EPOCH);
  expect(p.dropped).toEqual([PRODUCER]);
});

it('finds the one record that the broker refuses, and numbers the others without it', () => {
  const p = new Partition();
  p.push('a', 'b', 'bad', 'd');
  expect(p.sent('a,b,bad,d')).toEqual([0, 0, 'a,b,bad,d']);
  p.answer(ERROR_CODE.INVALID_RECORD);
  p.push('e');
  expect(p.sent('a,b')).toEqual([0, 0, 'a,b']);
  p.answer(NONE, 0n);
  expect(p.sent('bad,d')).toEqual([0, 2, 'bad,d']);
  p.answer(ERROR_CODE.INVALID_RECORD);
  expect(p.sent('bad')).toEqual([0, 2, 'bad']);
  p.answer(ERROR_CODE.INVALID_RECORD);
  expect(p.sent('d')).toEqual([0, 2, 'd']);
  p.answer(NONE, 2n);
  expect(p.sent('e')).toEqual([0, 3, 'e']);
  expect(p.results.get('bad')).toBe('event-rejected');
});

it('does not say “not stored” when a refusal follows a try of unknown outcome', () => {
  const p = new Partition();
  p.push('a', 'b');
  p.send();
  p.lose();
  p.send();
  p.answer(ERROR_CODE.MESSAGE_TOO_LARGE);
  expect([...p.results.values()]).toEqual(['outcome-unknown', 'outcome-unknown']);
  p.push('c');
  expect(p.sent('c')).toEqual([1, 0, 'c']);
});

it.each([
  [ERROR_CODE.TOPIC_AUTHORIZATION_FAILED, 'topic-forbidden'],
  [ERROR_CODE.CLUSTER_AUTHORIZATION_FAILED, 'topic-forbidden'],
  [ERROR_CODE.INVALID_TOPIC_EXCEPTION, 'topic-forbidden'],
  [ERROR_CODE.MESSAGE_TOO_LARGE, 'event-too-large'],
  [ERROR_CODE.RECORD_LIST_TOO_LARGE, 'event-too-large'],
  [ERROR_CODE.INVALID_RECORD, 'event-rejected'],
  [ERROR_CODE.POLICY_VIOLATION, 'event-rejected'],
  [1234, 'log-unavailable'],
])('answers Kafka error %i with %s', (errorCode, code) => {
  const p = new Partition();
  p.push('a');
  p.send();
  expect(p.answer(errorCode)).toBeNull();
  expect(p.results.get('a')).toBe(code);
});

it('takes nothing while several tries in a row have failed and the next is under way', () => {
  const p = new Partition();
  p.push('a');
  for (let i = 0; i < append.breakerFailures; i++) {
    expect(p.writer.trouble).toBeNull();
    p.send();
    p.answer(ERROR_CODE.NOT_ENOUGH_REPLICAS);
  }
  expect(p.writer.trouble?.message).toContain('NOT_ENOUGH_REPLICAS');
  p.send();
  p.answer(NONE, 0n);
  expect(p.writer.trouble).toBeNull();
});
