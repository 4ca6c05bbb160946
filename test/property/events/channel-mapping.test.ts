import fc from 'fast-check';
import { topicList } from '../../../src/config/topic-settings';
import { GatewayError } from '../../../src/errors';
import type { LogRecord, NewRecord } from '../../../src/eventlog/event-log';
import { eventOf, type RecordEvent, recordOf } from '../../../src/events/record-event';
import { createTopicMap, type Topic } from '../../../src/events/topic-map';
import { channelAndAncestors, channelFault, covers } from '../../../src/wire/channel';

const NAME = 'orders';
const AT = { topic: NAME, partition: 3 };

/** Texts that look like separators, escapes or other texts' escapes. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    '7',
    '~',
    '~0',
    '~1',
    '~01',
    '/',
    'a/b',
    'a~1b',
    '%2F',
    '\n',
    '\u2028',
    'é',
    'e\u0301',
  ),
  fc.string({ unit: fc.constantFrom('a', 'b', '~', '/', '0', '1', '.') }),
  fc.string({ unit: 'binary' }).map((value) => value.toWellFormed()),
  fc.string({ minLength: 200, maxLength: 300 }),
);
const bytes = fc.oneof(
  { weight: 4, arbitrary: text.map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map((value) => Buffer.from(value)) },
);

const placeholder = fc.constantFrom('{key}', '{headers.region}', '{headers.a.b}', '{value.x}');
const template = fc
  .array(fc.oneof(placeholder, fc.constantFrom('x', 'y', '~1', '{topic}')), { minLength: 1, maxLength: 4 })
  .filter((segments) => segments.some((segment) => /key|headers|value/.test(segment)))
  .map((segments) => `/${segments.join('/')}`);

const record = fc
  .record({
    key: fc.option(bytes),
    value: fc.oneof(text, fc.bigInt(), fc.boolean(), fc.constantFrom(null, [1], {})).map((x) => {
      const written = typeof x === 'bigint' ? String(x) : JSON.stringify(x);
      return Buffer.from(`{"x":${written}}`);
    }),
    headers: fc.array(
      fc.record({ key: fc.constantFrom('region', 'a.b', 'channel', 'event'), value: fc.option(bytes) }),
      { maxLength: 4 },
    ),
  })
  .map((parts): LogRecord => ({ offset: 7n, timestampMs: 0, ...parts }));

function topicWith(written: string): Topic {
  return createTopicMap(topicList().parse(`${NAME}=${written}`)).byName(NAME);
}

/** What of a record its channel says, found without the code under test. */
function valuesOf(written: string, { key, headers, value }: LogRecord): (string | null)[] {
  return [...written.matchAll(/\{(key|value\.x|headers\.([^}]+))\}/g)].map(([, what, name]) => {
    if (what === 'value.x') {
      const [, text = ''] = /^\{"x":(.*)\}$/s.exec(value!.toString())!;
      return text.startsWith('"') ? JSON.parse(text) : text;
    }
    const own = headers.filter((header) => header.key === name).at(-1)?.value ?? null;
    return (what === 'key' ? key : own)?.toString() ?? null;
  });
}

describe('channels made of keys and headers', () => {
  it('are valid, below the literal beginning, and tell every value that they were made of', () => {
    let mapped = 0;
    fc.assert(
      fc.property(template, record, (written, found) => {
        const topic = topicWith(written);
        const { channel, unmapped } = eventOf(found, AT, topic) as RecordEvent;
        expect(channelFault(channel)).toBeNull();
        expect(covers(topic.base, channel)).toBe(true);
        if (unmapped !== null) {
          expect(channel).toBe(topic.base);
          return;
        }
        mapped++;
        if (!topic.mapping!.isInvertible) return;
        const { key, headers } = topic.mapping!.fillingFor(channel)!;
        expect(valuesOf(written, { ...found, key, headers: [...headers] })).toEqual(valuesOf(written, found));
      }),
      { numRuns: 3_000 },
    );
    // Else the property would say nothing.
    expect(mapped).toBeGreaterThan(500);
  });

  it('are never shared by records whose values differ', () => {
    fc.assert(
      fc.property(template, record, record, (written, one, other) => {
        const topic = topicWith(written);
        const [a, b] = [one, other].map((found) => eventOf(found, AT, topic) as RecordEvent);
        fc.pre(a!.unmapped === null && b!.unmapped === null);
        const isSame = JSON.stringify(valuesOf(written, one)) === JSON.stringify(valuesOf(written, other));
        expect(a!.channel === b!.channel).toBe(isSame);
      }),
      { numRuns: 3_000, maxSkipsPerRun: 1_000 },
    );
  });

  it('fix the key that all records of a subscription have, or none', () => {
    fc.assert(
      fc.property(template, record, (written, found) => {
        const topic = topicWith(written);
        const { channel, unmapped } = eventOf(found, AT, topic) as RecordEvent;
        for (const above of channelAndAncestors(channel)) {
          const fixed = topic.keyOf(above);
          if (fixed !== null) expect(found.key!.toString()).toBe(fixed);
        }
        const hasKey = written.includes('{key}');
        if (unmapped === null) expect(topic.keyOf(channel)).toBe(hasKey ? found.key!.toString() : null);
      }),
      { numRuns: 3_000 },
    );
  });

  it('are those that were posted to, whatever the event is', () => {
    const channel = fc.array(fc.oneof(fc.constantFrom('x', 'y', '7', 'a~1b', '~', '~2'), text), {
      maxLength: 4,
    });
    const header = fc.option(fc.constantFrom('7', 'x'));
    fc.assert(
      fc.property(template, channel, header, header, (written, segments, key, event) => {
        const posted = `/${segments.join('/')}`;
        fc.pre(channelFault(posted) === null);
        const topics = createTopicMap(topicList().parse(`${NAME}=${written.replace('a.b', 'event')}`));
        const made = recordOf({ channel: posted, event, data: Buffer.from('x'), key }, topics);
        if (made instanceof GatewayError) {
          const isOpen = !written.includes('value');
          expect(isOpen ? ['bad-channel'] : ['bad-channel', 'not-publishable']).toContain(made.code);
          return;
        }
        const { key: own, value, headers } = made as NewRecord;
        const stored = { offset: 7n, timestampMs: 0, key: Buffer.from(own as string), value, headers };
        expect(eventOf(stored, AT, topics.byName(NAME))).toMatchObject({ channel: posted, unmapped: null });
      }),
      { numRuns: 3_000, maxSkipsPerRun: 1_000 },
    );
  });
});
