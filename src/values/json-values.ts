import { isUtf8 } from 'node:buffer';
import { decodedBy, type JsonValue, type ValueDecoder, ValueError, type ValueOptions } from './decoded';
import { setMember } from './set-member';

/** Values that are JSON texts without a frame around them. */
export function createJsonDecoder(options: ValueOptions): ValueDecoder {
  return { decode: (bytes) => decodedBy(() => parseJson(bytes, options), null) };
}

/**
 * Parses a JSON text. Integers that a double cannot hold keep all their digits.
 * @throws ValueError
 */
export function parseJson(bytes: Buffer, options: ValueOptions): JsonValue {
  if (!isUtf8(bytes)) throw new ValueError('malformed', 'it is not UTF-8');
  const hasLongNumber = measure(bytes, options);
  const text = bytes.toString();
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new ValueError('malformed', (error as Error).message);
  }
  return hasLongNumber ? exactly(text, options.int64) : value;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Integers with fewer digits are exact in a double. */
const LONG_DIGITS = 16;

/**
 * Goes once over the bytes, so that what is too deep or has too many members is never built.
 * @returns whether there is a number that may have more digits than a double holds
 */
function measure(bytes: Buffer, { maxDepth, maxNodes }: ValueOptions): boolean {
  let depth = 0;
  let nodes = 0;
  let digits = 0;
  let hasLongNumber = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x30 && byte <= 0x39) {
      if (++digits === LONG_DIGITS) hasLongNumber = true;
      continue;
    }
    digits = 0;
    if (byte === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (byte === 0x5b || byte === 0x7b) {
      nodes++;
      if (++depth > maxDepth) throw new ValueError('too-complex', 'it is nested too deeply');
    } else if (byte === 0x5d || byte === 0x7d) depth--;
    else if (byte === 0x2c && ++nodes > maxNodes)
      throw new ValueError('too-complex', 'it has too many members');
  }
  return hasLongNumber;
}

const TOKEN = /[\s,:]*("(?:[^"\\]|\\.)*"|[[\]{}]|[^\s,:[\]{}"]+)/y;
const INTEGER = /^-?\d+$/;

/** Parses a text that is known to be JSON, for the sake of its long integers. */
function exactly(text: string, int64: ValueOptions['int64']): JsonValue {
  TOKEN.lastIndex = 0;
  const next = (): string => TOKEN.exec(text)![1]!;
  const exact = (token: string): JsonValue => {
    if (token === '[') {
      const list: JsonValue[] = [];
      for (let item = next(); item !== ']'; item = next()) list.push(exact(item));
      return list;
    }
    if (token === '{') {
      const object: Record<string, JsonValue> = {};
      for (let name = next(); name !== '}'; name = next())
        setMember(object, JSON.parse(name) as string, exact(next()));
      return object;
    }
    if (!INTEGER.test(token) || Number.isSafeInteger(Number(token))) return JSON.parse(token) as JsonValue;
    // Writing a bigint takes time by the square of its length.
    if (token.length > MAX_INTEGER_DIGITS) return Number(token);
    return int64 === 'string' ? token : BigInt(token);
  };
  return exact(next());
}

/** Longer ones are no integers of any type in use: they become doubles, as in `JSON.parse`. */
const MAX_INTEGER_DIGITS = 100;
