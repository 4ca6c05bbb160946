import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { plainTopic } from '../../../src/config/topic-settings';
import type { LogRecord, NewRecord } from '../../../src/eventlog/event-log';
import { eventOf, type RecordEvent, recordOf } from '../../../src/events/record-event';
import { createTopic, createTopicMap } from '../../../src/events/topic-map';
import { entryOf } from '../../support/encoded-record';

const AT = { topic: 'events-topic', partition: 0 };
const TOPIC = createTopic(plainTopic('events-topic'));
const MAX_FRAME_BYTES = 1 << 20;

/** What an attacker would write into a field. */
const evil = fc.constantFrom(
  'x\ndata: injected',
  'x\rdata: injected',
  'x\r\n\r\ndata: injected\n\n',
  '\n\nevent: gateway.reset\ndata: {}\n\n',
  'id: 9\r',
  '\0',
  '\uFEFFdata: injected',
  '\u2028data: injected',
  'gateway.gap',
  'gateway.\u0000',
  ' gateway.reset',
  'open',
  'error',
  '__proto__',
);
const text = fc.oneof(
  evil,
  fc.string({ unit: 'binary' }).map((value) => value.toWellFormed()),
  fc.string(),
);
const bytes = fc.oneof(
  text.map((value) => Buffer.from(value)),
  fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value)),
);

/** A record as any producer may have written it. */
const record = fc
  .record({
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.array(
      fc.record({
        key: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('channel', 'event', 'idempotency-key') }, text),
        value: fc.option(bytes),
      }),
      { maxLength: 4 },
    ),
  })
  .map((parts): LogRecord => ({ offset: 7n, timestampMs: 0, ...parts }));

function parsed(stream: Buffer): { events: EventSourceMessage[]; faults: unknown[]; retries: number } {
  const events: EventSourceMessage[] = [];
  const faults: unknown[] = [];
  let retries = 0;
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onError: (error) => faults.push(error),
    onRetry: () => retries++,
  });
  parser.feed(stream.toString());
  return { events, faults, retries };
}

describe('a record of any producer', () => {
  it('is exactly one event, with its own id, and none of the gateway’s unless it cannot be shown', () => {
    fc.assert(
      fc.property(record, (written) => {
        const { bytes: frame } = entryOf('the-id', written, 0, AT, TOPIC, MAX_FRAME_BYTES);
        const { events, faults, retries } = parsed(frame);
        expect(faults).toEqual([]);
        expect(retries).toBe(0);
        expect(events).toHaveLength(1);
        const [event] = events;
        expect(event!.id).toBe('the-id');
        if (event!.event?.startsWith('gateway.'))
          expect(['gateway.undecodable', 'gateway.tombstone']).toContain(event!.event);
        expect(['open', 'error']).not.toContain(event!.event);
        const decoded = eventOf(written, AT, TOPIC) as RecordEvent;
        expect(event!.event).toBe(decoded.event ?? undefined);
        expect(event!.data).toBe(decoded.data.toString().replace(/\r\n|\r/g, '\n'));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an event', () => {
  it('comes out of its record as it went in, whatever is in it', () => {
    const topics = createTopicMap([plainTopic('events-topic')]);
    fc.assert(
      fc.property(text, fc.option(text), fc.option(text), (data, key, idempotencyKey) => {
        const event = { channel: '/a', event: 'e', data: Buffer.from(data), key, idempotencyKey };
        const { headers, value } = recordOf(event, topics) as NewRecord;
        const read: LogRecord = {
          offset: 0n,
          timestampMs: 0,
          key: null,
          value: value as Buffer,
          headers: headers as LogRecord['headers'],
        };
        expect(eventOf(read, AT, TOPIC)).toMatchObject({
          channel: '/a',
          event: 'e',
          data: Buffer.from(data),
        });
      }),
    );
  });
});
