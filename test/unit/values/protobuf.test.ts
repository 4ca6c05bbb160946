import { parse } from 'protobufjs';
import { ByteReader } from '../../../src/values/byte-reader';
import { type JsonValue, ValueError, type ValueOptions } from '../../../src/values/decoded';
import { protobufReader } from '../../../src/values/protobuf-values';
import type { NamedSchema } from '../../../src/values/schema-registry';

const OPTIONS: ValueOptions = { int64: 'number', maxDepth: 20, maxNodes: 1_000 };

function read(text: string, bytes: Uint8Array, references: readonly NamedSchema[] = []): JsonValue {
  return protobufReader(text, references)(new ByteReader(Buffer.from(bytes), 0, OPTIONS));
}

/** What protobufjs writes for a message, after the index of the file's first message. */
function written(text: string, name: string, value: object): Buffer {
  const type = parse(text, { keepCase: true }).root.lookupType(name);
  return Buffer.concat([Buffer.from([0]), type.encode(type.fromObject(value)).finish()]);
}

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ValueError) return error.reason;
    throw error;
  }
  return 'none';
}

const ORDER = `syntax = "proto3";
package shop;
message Order {
  string order_id = 1;
  int64 total = 2 [json_name = "sum"];
  repeated sint32 steps = 3;
  map<int32, Line> lines = 4;
  optional int32 maybe = 5;
  oneof payment { string card = 6; bytes voucher = 7; }
  State state = 8;
  Line main_line = 9;
  message Line { double weight = 1; Line next = 2; }
}
message Other { message Inner { bool yes = 1; } }
enum State { NEW = 0; PAID = 1; }`;

describe('Protobuf, in its own JSON mapping', () => {
  it('names members in lower camel case or as json_name says, and leaves out what has its default', () => {
    const value = {
      order_id: 'a',
      total: '9007199254740993',
      steps: [1, -2],
      lines: { 7: { weight: 1.5 } },
      maybe: 0,
      voucher: Buffer.from([255]),
      state: 1,
      main_line: {},
    };
    expect(read(ORDER, written(ORDER, 'shop.Order', value))).toEqual({
      orderId: 'a',
      sum: '9007199254740993',
      steps: [1, -2],
      lines: { 7: { weight: 1.5 } },
      maybe: 0,
      voucher: '/w==',
      state: 'PAID',
      mainLine: {},
    });
    expect(read(ORDER, Buffer.from([0]))).toEqual({});
  });

  it('finds the message by the list of indexes before it', () => {
    expect(read(ORDER, Buffer.from([4, 2, 0, 8, 1]))).toEqual({ yes: true });
    expect(faultOf(() => read(ORDER, Buffer.from([2, 4])))).toBe('malformed');
    expect(faultOf(() => read(ORDER, Buffer.from([0xfe, 0xff, 0x7f])))).toBe('malformed');
  });

  it('takes the last of several values of a field, merges messages, and knows only the last of a oneof', () => {
    const bytes = Buffer.from([
      ...[0, 0x0a, 1, 0x61, 0x0a, 1, 0x62],
      ...[0x32, 1, 0x63, 0x3a, 1, 0],
      ...[0x4a, 2, 0x12, 0, 0x4a, 9, 9, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f],
    ]);
    expect(read(ORDER, bytes)).toEqual({
      orderId: 'b',
      voucher: 'AA==',
      mainLine: { weight: 1.5, next: {} },
    });
  });

  it('reads packed numbers and single ones, and passes over what it does not know', () => {
    const bytes = Buffer.from([
      0, 0x1a, 2, 2, 4, 0x18, 6, 0xa2, 6, 1, 9, 0xa3, 6, 8, 1, 0xa4, 6, 0x0d, 0, 0, 0, 0,
    ]);
    expect(read(ORDER, bytes)).toEqual({ steps: [1, 2, 3] });
  });

  it('shows a value of an enum that has no name as its number', () => {
    expect(read(ORDER, Buffer.from([0, 0x40, 9]))).toEqual({ state: 9 });
  });

  it('reads groups', () => {
    const text = 'syntax = "proto2"; message A { optional group Line = 1 { optional int32 x = 2; } }';
    const [value] = Object.values(read(text, Buffer.from([0, 0x0b, 0x10, 5, 0x0c])) as object);
    expect(value).toEqual({ x: 5 });
    expect(faultOf(() => read(text, Buffer.from([0, 0x0b, 0x10, 5])))).toBe('malformed');
    expect(faultOf(() => read(text, Buffer.from([0, 0x0c])))).toBe('malformed');
  });

  it('passes over a group where the field is a map or a text', () => {
    expect(read(ORDER, Buffer.from([0, 0x23, 0x24, 0x0b, 0x08, 1, 0x0c]))).toEqual({});
  });

  it('reads what it imports', () => {
    const main = 'syntax = "proto3"; package a; import "b.proto"; message A { b.B b = 1; }';
    const imported = 'syntax = "proto3"; package b; message B { int32 x = 1; }';
    const bytes = Buffer.from([0, 0x0a, 2, 8, 1]);
    expect(read(main, bytes, [{ name: 'b.proto', text: imported }])).toEqual({ b: { x: 1 } });
    expect(faultOf(() => read(main, bytes))).toBe('bad-schema');
  });

  it('has forms of their own for well-known messages', () => {
    const text = `syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/field_mask.proto";
      import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
      message A { google.protobuf.Timestamp t = 1; google.protobuf.FieldMask m = 2; google.protobuf.Duration d = 3;
        google.protobuf.BoolValue b = 4; }`;
    const bytes = Buffer.from([
      ...[0, 0x0a, 8, 8, 0x80, 0x01, 0x10, 0x80, 0x89, 0x7a, 0x00].slice(0, 3),
      ...[8, 1, 0x10, 0xc0, 0x84, 0x3d, 0x10, 0],
      ...[0x12, 5, 0x0a, 3, 0x61, 0x5f, 0x62],
      ...[0x1a, 2, 8, 5],
      ...[0x22, 0],
    ]);
    expect(read(text, bytes)).toEqual({ t: '1970-01-01T00:00:01Z', m: 'aB', d: '5s', b: false });
  });

  it('bounds what few bytes can ask for', () => {
    const deep = Buffer.concat([
      Buffer.from([0]),
      ...Array.from({ length: 63 }, (_, i) => Buffer.from([0x4a, 124 - 2 * i])),
    ]);
    expect(faultOf(() => read(`${ORDER.replace('Line next = 2', 'Line next = 9')}`, deep))).toBe(
      'too-complex',
    );
    expect(
      faultOf(() => read(ORDER, Buffer.concat([Buffer.from([0, 0x1a, 0xd0, 0x0f]), Buffer.alloc(2_000)]))),
    ).toBe('too-complex');
    expect(faultOf(() => read(ORDER, Buffer.from([0, 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 1])))).toBe(
      'malformed',
    );
    expect(faultOf(() => read(ORDER, Buffer.concat([Buffer.from([0]), Buffer.alloc(500, 0xa3)])))).toBe(
      'malformed',
    );
    const groups = Buffer.concat([Buffer.from([0]), Buffer.alloc(500, 0x53)]);
    expect(faultOf(() => read(ORDER, groups))).toBe('too-complex');
  });

  it.each([
    'message {',
    'syntax = "proto3"; message A { B b = 1; }',
    'AAAA',
    `syntax = "proto3"; ${'message A {'.repeat(5_000)}`,
  ])('rejects the schema %#', (text) => {
    expect(faultOf(() => protobufReader(text, []))).toBe('bad-schema');
  });
});
