import fc from 'fast-check';
import { plainTopic } from '../../../src/config/topic-settings';
import { envelopeOf, originOf } from '../../../src/events/record-origin';
import { createTopic } from '../../../src/events/topic-map';

const bytes = fc.oneof(
  fc.string().map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)),
);
const name = fc.oneof(
  fc.constantFrom('a', 'b', 'key', 'data', 'headers.a', '__proto__', 'toString', '1'),
  fc.string().map((text) => text.toWellFormed()),
);
const headers = fc.array(fc.record({ key: name, value: fc.option(bytes) }), { maxLength: 6 });

const AT = { topic: 't', partition: 0 };
const TOPIC = createTopic(plainTopic('t'));
const SHOWN = { reason: null, unmapped: null };

type Texts = string | null | (string | null)[];

describe('the envelope of ?meta=1', () => {
  it('gives back the bytes of key and headers, whatever they are, by what it marks as base64', () => {
    fc.assert(
      fc.property(fc.option(bytes), headers, (key, list) => {
        const record = { offset: 7n, timestampMs: 5, key, value: null, headers: list };
        const origin = originOf(record, AT, TOPIC, false, SHOWN);
        const shown = JSON.parse(JSON.stringify(envelopeOf(origin, '')));
        const marks: string[] = shown.base64 ?? [];
        const bytesOf = (text: string | null, mark: string) =>
          text === null ? null : Buffer.from(text, marks.includes(mark) ? 'base64' : 'utf8');

        expect(bytesOf(shown.key, 'key')).toEqual(key);
        const names = new Set(list.map((header) => header.key));
        expect(new Set(Object.getOwnPropertyNames(shown.headers))).toEqual(names);
        for (const each of names) {
          const texts: Texts = Object.getOwnPropertyDescriptor(shown.headers, each)!.value;
          const values = list.filter((header) => header.key === each).map(({ value }) => value);
          expect(Array.isArray(texts)).toBe(values.length > 1);
          expect([texts].flat().map((text) => bytesOf(text, `headers.${each}`))).toEqual(values);
        }
      }),
    );
  });

  it('says nothing of base64 where nothing is', () => {
    const record = { offset: 7n, timestampMs: 5, key: Buffer.from('k'), value: null, headers: [] };
    const origin = originOf(record, AT, TOPIC, false, SHOWN);
    expect(envelopeOf(origin, 'd')).toEqual({
      topic: 't',
      partition: 0,
      offset: '7',
      timestamp: 5,
      key: 'k',
      headers: {},
      data: 'd',
    });
  });

  it('takes a time that grows with the number of headers, not with its square', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ key: String(i >> 1), value: null }));
    let reads = 0;
    const counted = (list: readonly { key: string; value: null }[]) =>
      list.map(
        ({ key }) =>
          ({
            get key() {
              reads++;
              return key;
            },
            value: null,
          }) as const,
      );
    originOf(
      { offset: 0n, timestampMs: 0, key: null, value: null, headers: counted(many(20_000)) },
      AT,
      TOPIC,
      false,
      SHOWN,
    );
    expect(reads).toBeLessThanOrEqual(2 * 20_000);
  });
});
