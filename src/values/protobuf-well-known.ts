import type { JsonValue } from './decoded';
import { isoTimestamp } from './iso-time';

/** A message whose bytes are still being read: by number, what its fields hold. */
export type RawMessage = Map<number, unknown>;

interface Fields {
  readonly [name: string]: JsonValue;
}

/** How many digits a float needs to be that float again. */
const FLOAT_DIGITS = [6, 7, 8, 9];

/** The shortest number that is this float. */
export function floatOf(value: number): number | string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return 0;
  for (const digits of FLOAT_DIGITS) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** Messages that have a form of their own in JSON, from their fields as other messages are shown. */
export const WELL_KNOWN: Readonly<Record<string, (fields: Fields) => JsonValue>> = {
  '.google.protobuf.Timestamp': (fields) => timestamp(fields) ?? fields,
  '.google.protobuf.Duration': (fields) => duration(fields) ?? fields,
  '.google.protobuf.FieldMask': ({ paths = [] }) =>
    (paths as readonly string[])
      .map((path) => path.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()))
      .join(','),
  '.google.protobuf.Struct': ({ fields = {} }) => fields,
  '.google.protobuf.ListValue': ({ values = [] }) => values,
  '.google.protobuf.Value': (fields) => Object.values(fields).find((value) => value !== 'NULL_VALUE') ?? null,
  ...Object.fromEntries(
    ['Double', 'Float', 'Int32', 'UInt32'].map((name) => [`.google.protobuf.${name}Value`, wrapped(0)]),
  ),
  '.google.protobuf.Int64Value': wrapped('0'),
  '.google.protobuf.UInt64Value': wrapped('0'),
  '.google.protobuf.BoolValue': wrapped(false),
  '.google.protobuf.StringValue': wrapped(''),
  '.google.protobuf.BytesValue': wrapped(''),
};

function wrapped(preset: JsonValue): (fields: Fields) => JsonValue {
  return ({ value = preset }) => value;
}

/** Null for a time that has no text. */
function timestamp({ seconds = '0', nanos = 0 }: Fields): string | null {
  const whole = Number(seconds);
  const text = isNanos(nanos) ? isoTimestamp(whole * 1_000, 'millis', '') : null;
  return text === null ? null : `${text.slice(0, -'.000'.length)}${fraction(nanos as number)}Z`;
}

function duration({ seconds = '0', nanos = 0 }: Fields): string | null {
  const isNegative = (seconds as string).startsWith('-') || (nanos as number) < 0;
  const rest = Math.abs(nanos as number);
  if (!isNanos(rest)) return null;
  return `${isNegative ? '-' : ''}${(seconds as string).replace('-', '')}${fraction(rest)}s`;
}

function isNanos(nanos: JsonValue): boolean {
  return typeof nanos === 'number' && nanos >= 0 && nanos < 1_000_000_000;
}

/** Nothing, or 3, 6 or 9 digits. */
function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.replace(/(000){1,2}$/, '')}`;
}
