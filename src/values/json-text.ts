import type { JsonValue } from './decoded';

/** Compact JSON. Integers that a double cannot hold are written with all their digits. */
export function jsonText(value: JsonValue): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // What `JSON.stringify` throws for a bigint.
    if (!(error instanceof TypeError)) throw error;
    return written(value);
  }
}

function written(value: JsonValue): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${written(member)}`);
  return `{${members.join(',')}}`;
}
