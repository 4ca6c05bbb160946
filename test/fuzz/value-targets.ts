import fc from 'fast-check';
import { avroReader } from '../../src/values/avro-schema';
import { ByteReader } from '../../src/values/byte-reader';
import { type JsonValue, ValueError, type ValueOptions } from '../../src/values/decoded';
import { jsonText } from '../../src/values/json-text';
import { parseJson } from '../../src/values/json-values';
import { protobufReader } from '../../src/values/protobuf-values';
import type { FuzzTarget } from './targets';

/** Tight, so that an input that gets past them is seen. */
const OPTIONS: ValueOptions = { int64: 'number', maxDepth: 20, maxNodes: 2_000 };
/** Far more than any value within the limits takes here, and far less than a hang. */
const MAX_MS = 1_000;

const record = (...types: unknown[]) => ({
  type: 'record',
  name: 'R',
  fields: types.map((type, i) => ({ name: `f${i}`, type })),
});

/** Types that ask for much with few bytes, refer to themselves, or have many branches. */
const AVRO = [
  'null',
  'long',
  'string',
  'bytes',
  record('R'),
  record(['null', 'R'], ['null', 'R']),
  record({ type: 'array', items: 'R' }, { type: 'map', values: 'R' }, 'string', 'double'),
  { type: 'array', items: 'null' },
  { type: 'array', items: { type: 'array', items: { type: 'fixed', name: 'F', size: 0 } } },
  { type: 'map', values: ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] },
  { type: 'enum', name: 'E', symbols: ['A', 'B'] },
  { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 400 },
  record(
    ...['date', 'time-millis'].map((logicalType) => ({ type: 'int', logicalType })),
    ...[
      'time-micros',
      'timestamp-millis',
      'timestamp-micros',
      'timestamp-nanos',
      'local-timestamp-nanos',
    ].map((logicalType) => ({ type: 'long', logicalType })),
    { type: 'fixed', name: 'D', size: 12, logicalType: 'duration' },
  ),
].map((schema) => avroReader(JSON.stringify(schema)));

const PROTOBUF = protobufReader(
  `syntax = "proto3"; package p;
  import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/struct.proto";
  import "google/protobuf/any.proto"; import "google/protobuf/wrappers.proto"; import "google/protobuf/field_mask.proto";
  message A { A a = 1; repeated A as = 2; map<string, A> by = 3; oneof one { A b = 4; int32 c = 5; } repeated sint64 xs = 6; E e = 7;
    google.protobuf.Timestamp t = 8; google.protobuf.Duration d = 9; google.protobuf.Struct s = 10; google.protobuf.Any any = 11;
    google.protobuf.Int64Value w = 12; google.protobuf.FieldMask m = 13; bytes y = 14; float f = 15; message N { string x = 1; } }
  enum E { NONE = 0; SOME = 1; }`,
  [],
);

/** Bytes that are counts, lengths and tags more often than chance would make them. */
const hostile = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.constantFrom(
        [0],
        [1],
        [2],
        [0xff],
        [0x0a],
        [0x12, 2],
        [0x0a, 0x7f],
        [0x80, 0x80, 1],
        [0x0b],
        [0x0c],
      ),
      fc.constantFrom(
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
        [0xfe, 0xff, 0xff, 0xff, 0x0f],
      ),
      fc.nat(63).map((n) => Array.from({ length: n }, () => 0x0a)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));

const hostileJson = fc
  .array(
    fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      '"',
      '\\',
      ':',
      ',',
      '"a":',
      '1e999',
      '-0',
      '9'.repeat(30),
      'null',
      '\uD800',
      ' ',
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.from(parts.join('')));

/** A value within the limits whose text is JSON, or the reason why there is none; and soon. */
function soundly(read: () => JsonValue): void {
  const startedMs = performance.now();
  try {
    const value = read();
    JSON.parse(jsonText(value));
    if (nodesOf(value) > OPTIONS.maxNodes + 1) throw new Error('it has more members than it may');
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
  }
  if (performance.now() - startedMs > MAX_MS) throw new Error(`it took over ${MAX_MS} ms`);
}

function nodesOf(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + nodesOf(member as JsonValue), 1);
}

const avro: FuzzTarget = {
  name: 'Avro: a value within the limits or a reason, whatever the bytes',
  property: fc.property(fc.tuple(fc.nat(AVRO.length - 1), hostile), (given) => {
    const [schema, bytes] = given as [number, Buffer];
    soundly(() => AVRO[schema]!(new ByteReader(bytes, 0, OPTIONS)));
  }) as FuzzTarget['property'],
};

const protobuf: FuzzTarget = {
  name: 'Protobuf: a value within the limits or a reason, whatever the bytes',
  property: fc.property(hostile, (given) => {
    soundly(() => PROTOBUF(new ByteReader(Buffer.concat([Buffer.from([0]), given as Buffer]), 0, OPTIONS)));
  }) as FuzzTarget['property'],
};

const json: FuzzTarget = {
  name: 'JSON values: a value within the limits or a reason, whatever the bytes',
  property: fc.property(fc.oneof(hostileJson, hostile), (given) => {
    soundly(() => parseJson(given as Buffer, OPTIONS));
  }) as FuzzTarget['property'],
};

/** Schemas are an operator's, but a registry takes them from every producer. */
const schemas: FuzzTarget = {
  name: 'schemas: a reader or a reason, whatever they say',
  property: fc.property(
    fc.oneof(
      fc.json(),
      fc
        .array(
          fc.constantFrom(
            '{"type":',
            '"record"',
            '"array"',
            ',"name":"R"',
            ',"items":',
            ',"fields":[',
            ']',
            '}',
            '[',
            '"R"',
            '"null"',
            ',',
          ),
          { maxLength: 20 },
        )
        .map((parts) => parts.join('')),
      fc
        .array(
          fc.constantFrom(
            'syntax="proto3";',
            'message A{',
            '}',
            'A a=1;',
            'enum E{',
            'X=0;',
            'oneof o{',
            'map<string,A> m=2;',
            'package p;',
            '=',
            '"',
          ),
          { maxLength: 20 },
        )
        .map((parts) => parts.join('')),
    ),
    (given) => {
      const text = given as string;
      for (const make of [() => avroReader(text), () => protobufReader(text, [])])
        soundly(() => make()(new ByteReader(Buffer.alloc(8, 2), 0, OPTIONS)));
    },
  ) as unknown as FuzzTarget['property'],
};

export const VALUE_TARGETS: readonly FuzzTarget[] = [avro, protobuf, json, schemas];
