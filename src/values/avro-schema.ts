import { logicalReader } from './avro-logical-types';
import type { ByteReader } from './byte-reader';
import { type JsonValue, ValueError } from './decoded';
import { setMember } from './set-member';

/** Reads one value; the schema decides what comes next. */
export type AvroReader = (reader: ByteReader) => JsonValue;

/** Types within each other, in the text of a schema. Types that refer to themselves by name do so as deeply as values go. */
const MAX_SCHEMA_DEPTH = 100;
/** Of a type `fixed`, in bytes. */
const MAX_FIXED = 1 << 24;

const PRIMITIVES: Readonly<Record<string, AvroReader>> = {
  null: () => null,
  boolean: readBoolean,
  int: readInt,
  long: (reader) => reader.shown(reader.zigzagExact()),
  float: (reader) => numberOrName(reader.float()),
  double: (reader) => numberOrName(reader.double()),
  bytes: (reader) => reader.base64(reader.zigzag()),
  string: (reader) => reader.text(reader.zigzag()),
};

/** A schema as JSON gives it. */
type Schema = string | readonly unknown[] | { readonly [member: string]: unknown };

/** A named type; others may refer to it before it is complete. */
interface NamedType {
  read: AvroReader;
}

/**
 * The reader of an Avro schema. Unions are shown as the value alone, enums by name, logical types as texts.
 * @param references texts of the schemas that it refers to, those before that others need
 * @throws ValueError `bad-schema`
 */
export function avroReader(text: string, references: readonly string[] = []): AvroReader {
  const named = new Map<string, NamedType>();
  try {
    for (const reference of references) compile(parsed(reference), '', named, 0);
    return compile(parsed(text), '', named, 0);
  } catch (error) {
    throw error instanceof ValueError ? error : badSchema((error as Error).message);
  }
}

function parsed(text: string): Schema {
  try {
    return JSON.parse(text) as Schema;
  } catch {
    // A primitive type may stand there without quotes.
    return text.trim();
  }
}

function badSchema(message: string): ValueError {
  return new ValueError('bad-schema', message);
}

function compile(
  schema: unknown,
  namespace: string,
  named: Map<string, NamedType>,
  depth: number,
): AvroReader {
  if (depth > MAX_SCHEMA_DEPTH) throw badSchema('its types are nested too deeply');
  if (typeof schema === 'string') return reference(schema, namespace, named);
  if (Array.isArray(schema)) return union(schema, namespace, named, depth);
  if (typeof schema !== 'object' || schema === null)
    throw badSchema('a type is neither name, list nor object');
  const own = schema as { readonly [member: string]: unknown };
  const logical = logicalReader(own);
  if (logical !== null) {
    if (own.type === 'fixed') define(own, namespace, named).read = logical;
    return logical;
  }
  switch (own.type) {
    case 'record':
    case 'error':
      return record(own, namespace, named, depth);
    case 'enum':
      return enumeration(own, namespace, named);
    case 'fixed': {
      const size = sizeOf(own);
      const read: AvroReader = (reader) => reader.base64(size);
      define(own, namespace, named).read = read;
      return read;
    }
    case 'array':
      return array(compile(own.items, namespace, named, depth + 1));
    case 'map':
      return map(compile(own.values, namespace, named, depth + 1));
    default:
      return compile(own.type, namespace, named, depth + 1);
  }
}

function reference(name: string, namespace: string, named: Map<string, NamedType>): AvroReader {
  const primitive = Object.hasOwn(PRIMITIVES, name) ? PRIMITIVES[name] : undefined;
  if (primitive !== undefined) return primitive;
  const type = named.get(fullName(name, namespace)) ?? named.get(name);
  if (type === undefined) throw badSchema(`type ${name} is not defined`);
  return (reader) => type.read(reader);
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

/** Takes up a name; what it means is filled in by the caller. */
function define(
  own: { readonly [member: string]: unknown },
  namespace: string,
  named: Map<string, NamedType>,
): NamedType & { readonly namespace: string } {
  const { name } = own;
  if (typeof name !== 'string' || name === '') throw badSchema('a named type has no name');
  const full = fullName(name, typeof own.namespace === 'string' ? own.namespace : namespace);
  const type = { read: undefinedYet, namespace: full.slice(0, Math.max(0, full.lastIndexOf('.'))) };
  named.set(full, type);
  return type;
}

function undefinedYet(): never {
  throw badSchema('a type is used before it is defined');
}

function record(
  own: { readonly [member: string]: unknown },
  namespace: string,
  named: Map<string, NamedType>,
  depth: number,
): AvroReader {
  const type = define(own, namespace, named);
  if (!Array.isArray(own.fields)) throw badSchema('a record has no list of fields');
  const names: string[] = [];
  const readers: AvroReader[] = [];
  type.read = (reader) => {
    reader.enter();
    reader.count(readers.length);
    const found: Record<string, JsonValue> = {};
    for (let i = 0; i < readers.length; i++) setMember(found, names[i]!, readers[i]!(reader));
    reader.leave();
    return found;
  };
  for (const field of own.fields as readonly { readonly name?: unknown; readonly type?: unknown }[]) {
    if (typeof field?.name !== 'string') throw badSchema('a field has no name');
    names.push(field.name);
    readers.push(compile(field.type, type.namespace, named, depth + 1));
  }
  return type.read;
}

function enumeration(
  own: { readonly [member: string]: unknown },
  namespace: string,
  named: Map<string, NamedType>,
): AvroReader {
  const { symbols } = own;
  if (!Array.isArray(symbols) || symbols.some((symbol) => typeof symbol !== 'string'))
    throw badSchema('an enum has no list of symbols');
  const type = define(own, namespace, named);
  type.read = (reader) => {
    const symbol: unknown = symbols[readInt(reader)];
    if (symbol === undefined) throw new ValueError('malformed', 'an enum has no such symbol');
    return symbol as string;
  };
  return type.read;
}

function union(
  branches: readonly unknown[],
  namespace: string,
  named: Map<string, NamedType>,
  depth: number,
): AvroReader {
  const readers = branches.map((branch) => compile(branch, namespace, named, depth + 1));
  return (reader) => {
    const read = readers[readInt(reader)];
    if (read === undefined) throw new ValueError('malformed', 'a union has no such branch');
    return read(reader);
  };
}

function array(items: AvroReader): AvroReader {
  return (reader) => {
    reader.enter();
    const found: JsonValue[] = [];
    for (let left = blockCount(reader); left > 0; left = blockCount(reader))
      for (; left > 0; left--) found.push(items(reader));
    reader.leave();
    return found;
  };
}

function map(values: AvroReader): AvroReader {
  return (reader) => {
    reader.enter();
    const found: Record<string, JsonValue> = {};
    for (let left = blockCount(reader); left > 0; left = blockCount(reader))
      for (; left > 0; left--) {
        const name = reader.text(reader.zigzag());
        setMember(found, name, values(reader));
      }
    reader.leave();
    return found;
  };
}

/** How many items the next block has, 0 at the end. A negative count is followed by the block's size in bytes. */
function blockCount(reader: ByteReader): number {
  let count = reader.zigzag();
  if (count < 0) {
    count = -count;
    if (reader.zigzag() < 0) throw new ValueError('malformed', 'a block has a negative size');
  }
  reader.count(count);
  return count;
}

export function sizeOf({ size }: { readonly [member: string]: unknown }): number {
  if (!Number.isInteger(size) || (size as number) < 0 || (size as number) > MAX_FIXED)
    throw badSchema('a fixed type has no usable size');
  return size as number;
}

function readBoolean(reader: ByteReader): boolean {
  const byte = reader.byte();
  if (byte > 1) throw new ValueError('malformed', 'a boolean is neither 0 nor 1');
  return byte === 1;
}

function readInt(reader: ByteReader): number {
  const value = reader.zigzag();
  if (value !== (value | 0)) throw new ValueError('malformed', 'a number has more than 32 bits');
  return value;
}

/** JSON has no numbers for these. */
export function numberOrName(value: number): number | string {
  if (Number.isFinite(value)) return value === 0 ? 0 : value;
  return String(value);
}
