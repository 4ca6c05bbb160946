import type { AvroReader } from './avro-schema';
import type { ByteReader } from './byte-reader';
import { type JsonValue, ValueError } from './decoded';
import { isoDate, isoDuration, isoTimeOfDay, isoTimestamp, type TimeUnit } from './iso-time';

/** Of an unscaled decimal, in bytes: more digits than any precision in use, and few enough to write them fast. */
const MAX_DECIMAL_BYTES = 512;
const MAX_SCALE = 1_000;
const DURATION_BYTES = 12;
const UUID_BYTES = 16;

interface TypeObject {
  readonly [member: string]: unknown;
}

/** By logical type and the type under it. Both must fit: Avro says to ignore a logical type that does not. */
const TIMES: Readonly<Record<string, AvroReader>> = {
  'date int': time(isoDate),
  'time-millis int': time((value) => isoTimeOfDay(value, 'millis')),
  'time-micros long': time((value) => isoTimeOfDay(value, 'micros')),
  ...timestamps('timestamp', 'Z'),
  ...timestamps('local-timestamp', ''),
};

/** The reader of a type with a logical type, or null if it is to be read as the type under it. */
export function logicalReader(own: TypeObject): AvroReader | null {
  const { type, logicalType, size } = own;
  if (typeof logicalType !== 'string' || typeof type !== 'string') return null;
  const key = `${logicalType} ${type}`;
  if (Object.hasOwn(TIMES, key)) return TIMES[key]!;
  if (key === 'decimal bytes') return decimal(own, (reader) => reader.zigzag());
  if (key === 'decimal fixed' && isLength(size)) return decimal(own, () => size);
  if (key === 'duration fixed' && size === DURATION_BYTES) return duration;
  if (key === 'uuid fixed' && size === UUID_BYTES) return uuid;
  return null;
}

function timestamps(name: string, zone: 'Z' | ''): Record<string, AvroReader> {
  const units: readonly TimeUnit[] = ['millis', 'micros', 'nanos'];
  return Object.fromEntries(
    units.map((unit) => [`${name}-${unit} long`, time((value) => isoTimestamp(value, unit, zone))]),
  );
}

/** Beyond what a text can say, such as the largest number for "never", it is the number. */
function time(textOf: (value: number | bigint) => string | null): AvroReader {
  return (reader) => {
    const value = reader.zigzagExact();
    return textOf(value) ?? reader.shown(value);
  };
}

function isLength(size: unknown): size is number {
  return Number.isInteger(size) && (size as number) >= 0;
}

function decimal(own: TypeObject, lengthOf: (reader: ByteReader) => number): AvroReader | null {
  const { scale = 0 } = own;
  if (!isLength(scale) || scale > MAX_SCALE) return null;
  return (reader): JsonValue => {
    const length = lengthOf(reader);
    if (length > MAX_DECIMAL_BYTES) throw new ValueError('too-complex', 'a decimal has too many digits');
    const start = reader.skip(length);
    return decimalText(reader.bytes.toString('hex', start, start + length), scale);
  };
}

/** `-12.30` for the two's complement of −1230 in hex and a scale of 2. */
export function decimalText(hex: string, scale: number): string {
  if (hex === '') return scale === 0 ? '0' : `0.${'0'.repeat(scale)}`;
  const unscaled = BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`));
  const isNegative = unscaled < 0n;
  const digits = String(isNegative ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const text = scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`;
  return isNegative ? `-${text}` : text;
}

function duration(reader: ByteReader): JsonValue {
  const start = reader.skip(DURATION_BYTES);
  const part = (index: number) => reader.bytes.readUInt32LE(start + 4 * index);
  return isoDuration(part(0), part(1), part(2));
}

function uuid(reader: ByteReader): JsonValue {
  const start = reader.skip(UUID_BYTES);
  const hex = reader.bytes.toString('hex', start, start + UUID_BYTES);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
