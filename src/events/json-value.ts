import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { ValuePath } from '../config/topic-template';

/** What JSON can say. Integers that a double cannot hold are bigints. */
export type JsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Why a value could not be read or written as JSON. */
export type JsonFault = 'not-utf8' | 'not-json' | 'too-deep';

/** A number with so many digits may be an integer that a double cannot hold. */
const MANY_DIGITS = /(?:^|[[:,\s-])\d{16,}/;
/** Strings as a whole, so that no digits in them count. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
const INTEGER = /^-?\d+$/;
/** Stands before the digits of a large integer while a text is parsed. No producer can know it. */
const MARK = `integer-${randomBytes(16).toString('hex')}:`;

export function parseJson(bytes: Buffer): { readonly value: JsonValue } | { readonly fault: JsonFault } {
  if (!isUtf8(bytes)) return { fault: 'not-utf8' };
  const text = bytes.toString();
  try {
    const value = JSON.parse(text) as JsonValue;
    return { value: MANY_DIGITS.test(text) ? withLargeIntegers(text) : value };
  } catch {
    // Only the parser can throw, and only because of the text.
    return { fault: 'not-json' };
  }
}

/** Parses a text that is JSON, with all digits of its integers. */
function withLargeIntegers(text: string): JsonValue {
  const marked = text.replace(TOKEN, (token) =>
    INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token,
  );
  return JSON.parse(marked, (_name, value) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
}

/** The part of a value at a path; undefined when there is none. A number is an index of a list. */
export function partAt(value: JsonValue, path: ValuePath): JsonValue | undefined {
  let part: JsonValue | undefined = value;
  for (const name of path) {
    if (typeof part !== 'object' || part === null) return undefined;
    if (!Object.hasOwn(part, name) || (Array.isArray(part) && name === 'length')) return undefined;
    part = (part as Readonly<Record<string, JsonValue>>)[name];
  }
  return part;
}

/** Which parts of a value are wanted: by name those of its members. `all`: the whole. */
export type FieldTree = 'all' | ReadonlyMap<string, FieldTree>;

export function fieldTree(paths: readonly ValuePath[]): FieldTree {
  if (paths.some(({ length }) => length === 0)) return 'all';
  const byName = new Map<string, ValuePath[]>();
  for (const [name, ...rest] of paths) byName.set(name!, [...(byName.get(name!) ?? []), rest]);
  return new Map([...byName].map(([name, rests]) => [name, fieldTree(rests)]));
}

/** Deeper values would need as much of the stack. */
const MAX_DEPTH = 200;

/**
 * Compact JSON of the wanted parts of a value, in the order of the paths. Paths go through lists: `items.id` is the id of
 * each item. What is not wanted is left out; of a value without parts nothing is left but `{}`.
 */
export function jsonOf(
  value: JsonValue,
  wanted: FieldTree,
): { readonly text: string } | { readonly fault: JsonFault } {
  const text = textOf(value, wanted, 0);
  if (text === TOO_DEEP) return { fault: 'too-deep' };
  return { text: text ?? '{}' };
}

/** No JSON text is empty. */
const TOO_DEEP = '';

/** Null: nothing of it is wanted. */
function textOf(value: JsonValue, wanted: FieldTree, depth: number): string | null {
  if (typeof value !== 'object' || value === null) {
    if (wanted !== 'all') return null;
    return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  }
  if (depth >= MAX_DEPTH) return TOO_DEEP;
  const isList = Array.isArray(value);
  const members = wanted === 'all' || isList ? Object.keys(value) : wanted.keys();
  let inner = '';
  for (const name of members) {
    if (!Object.hasOwn(value, name)) continue;
    const part = (value as Readonly<Record<string, JsonValue>>)[name]!;
    const text = textOf(part, wanted === 'all' || isList ? wanted : wanted.get(name)!, depth + 1);
    if (text === TOO_DEEP) return TOO_DEEP;
    if (text === null) continue;
    inner += `${inner === '' ? '' : ','}${isList ? '' : `${JSON.stringify(name)}:`}${text}`;
  }
  return isList ? `[${inner}]` : `{${inner}}`;
}
