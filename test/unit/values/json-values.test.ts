import type { ValueOptions } from '../../../src/values/decoded';
import { jsonText } from '../../../src/values/json-text';
import { createJsonDecoder } from '../../../src/values/json-values';

const OPTIONS: ValueOptions = { int64: 'number', maxDepth: 3, maxNodes: 10 };

function decoded(text: string | Buffer, options: Partial<ValueOptions> = {}): string {
  const found = createJsonDecoder({ ...OPTIONS, ...options }).decode(Buffer.from(text as string));
  return found.kind === 'value'
    ? jsonText(found.value)
    : found.kind === 'undecodable'
      ? found.reason
      : found.kind;
}

describe('values that are JSON', () => {
  it.each([
    ['{"id":9007199254740993,"x":[1, -12345678901234567890,{"__proto__":2}]}'],
    ['{"a\\"b\\\\":"1234567890123456789","c":0.1234567890123456,"d":1234567890123456e5,"e":true}'],
    ['12345678901234567890'],
    ['[]'],
  ])('%s loses no digit', (text) => {
    expect(decoded(text)).toBe(
      text.replaceAll(', ', ',').replace('1234567890123456e5', '123456789012345600000'),
    );
  });

  it('gives integers beyond 2^53 as texts if so asked', () => {
    expect(decoded('[9007199254740993,1]', { int64: 'string' })).toBe('["9007199254740993",1]');
  });

  it('bounds depth and members, and does not count what is in texts', () => {
    expect(decoded('[[[]]]')).toBe('[[[]]]');
    expect(decoded('[[[[]]]]')).toBe('too-complex');
    expect(decoded('["[[[[[[,,,,,,,,,,,,,,,\\"[[["]')).toBe('["[[[[[[,,,,,,,,,,,,,,,\\"[[["]');
    expect(decoded(`[${'1,'.repeat(20)}1]`)).toBe('too-complex');
    expect(decoded('['.repeat(1_000_000))).toBe('too-complex');
  });

  it.each([['{'], [''], ['nul'], ['"\\x"'], ['[1,]']])('%s is malformed', (text) => {
    expect(decoded(text)).toBe('malformed');
  });

  it('is malformed when it is not UTF-8', () => {
    expect(decoded(Buffer.from([0x22, 0xff, 0x22]))).toBe('malformed');
  });
});
