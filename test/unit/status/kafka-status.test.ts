import { plainTopic } from '../../../src/config/topic-settings';
import type { RecordEntry } from '../../../src/events/record-entry';
import { createTopic } from '../../../src/events/topic-map';
import { createCurrentAggregation } from '../../../src/status/kafka-status';
import { entryOf } from '../../support/encoded-record';

const TOPIC = createTopic(plainTopic('events-topic'));
const TIME_MS = 1_704_672_000_000;
const EMPTY = {
  currentBuffer: 0,
  stats: {
    totalEvents: 0,
    sumOfValues: 0,
    minValue: null,
    maxValue: null,
    firstEventTime: null,
    lastEventTime: null,
  },
};

function encoded(value: string | null, timestampMs = 0): RecordEntry {
  const record = {
    offset: 0n,
    timestampMs,
    key: Buffer.from('{"value":99}'),
    value: value === null ? null : Buffer.from(value),
    headers: [],
  };
  return entryOf('1.x', record, 0, { topic: TOPIC.name, partition: 0 }, TOPIC, 1 << 20);
}

describe('the current aggregation', () => {
  let nowMs = 0;
  const create = () => createCurrentAggregation({ events: 10, windowMs: 30_000 }, () => nowMs);

  it('has nulls while it is empty', () => expect(create().report()).toEqual(EMPTY));

  it('is computed from the events as they are delivered', () => {
    const aggregation = create();
    const values = ['{"payload":{"times":5}}', '{"value":\n 7}', '{"value":6}', 'text', null];
    for (const [i, value] of values.entries()) aggregation.onEvent(encoded(value, TIME_MS + i));
    const expected = {
      currentBuffer: 5,
      stats: {
        totalEvents: 5,
        sumOfValues: 18,
        minValue: 0,
        maxValue: 7,
        firstEventTime: TIME_MS,
        lastEventTime: TIME_MS + 4,
      },
    };
    expect(aggregation.report()).toEqual(expected);
    expect(aggregation.report()).toEqual(expected);
  });

  it('closes with the tenth event', () => {
    const aggregation = create();
    const counts: number[] = [];
    for (let i = 0; i < 23; i++) {
      aggregation.onEvent(encoded('{"value":1}'));
      counts.push(aggregation.report().currentBuffer);
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3]);
  });

  it('closes after 30 s, asked or not, counted from its first event', () => {
    const aggregation = create();
    nowMs = 1_000;
    aggregation.onEvent(encoded('{"value":1}'));
    nowMs = 30_999;
    aggregation.onEvent(encoded('{"value":2}'));
    expect(aggregation.report()).toMatchObject({ currentBuffer: 2, stats: { sumOfValues: 3 } });
    nowMs = 31_000;
    expect(aggregation.report()).toEqual(EMPTY);
    aggregation.onEvent(encoded('{"value":4}'));
    nowMs = 61_000;
    aggregation.onEvent(encoded('{"value":8}'));
    expect(aggregation.report()).toMatchObject({ currentBuffer: 1, stats: { sumOfValues: 8 } });
  });
});
