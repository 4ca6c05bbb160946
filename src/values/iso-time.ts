/** Times as ISO 8601 texts, from integers of any size; null for what is beyond the years that such texts have. */

const DAY_MS = 86_400_000;
/** The first and last days of JavaScript's calendar, from 1970. */
const LAST_DAY = 100_000_000;
const LAST_MS = LAST_DAY * DAY_MS;

/** What a time is counted in. The number is that of decimal places beyond milliseconds. */
export const TIME_UNITS = { millis: 0, micros: 3, nanos: 6 } as const;
export type TimeUnit = keyof typeof TIME_UNITS;

/** `2026-11-28` */
export function isoDate(days: number | bigint): string | null {
  if (days > LAST_DAY || days < -LAST_DAY) return null;
  return new Date(Number(days) * DAY_MS).toISOString().split('T')[0]!;
}

/**
 * `2026-11-28T17:45:00.123456Z`
 * @param zone what stands at the end: `Z`, or nothing for a local time
 */
export function isoTimestamp(time: number | bigint, unit: TimeUnit, zone: 'Z' | ''): string | null {
  const { ms, more } = divided(time, TIME_UNITS[unit]);
  if (ms > LAST_MS || ms < -LAST_MS) return null;
  const text = new Date(ms).toISOString();
  return more === '' && zone === 'Z' ? text : `${text.slice(0, -1)}${more}${zone}`;
}

/** `17:45:00.123`; null for what is no time of a day. */
export function isoTimeOfDay(time: number | bigint, unit: TimeUnit): string | null {
  const { ms, more } = divided(time, TIME_UNITS[unit]);
  if (ms < 0 || ms >= DAY_MS) return null;
  return new Date(ms).toISOString().slice('1970-01-01T'.length, -1) + more;
}

/** `P1M2DT3.004S` */
export function isoDuration(months: number, days: number, ms: number): string {
  const seconds = ms % 1_000 === 0 ? String(ms / 1_000) : (ms / 1_000).toFixed(3);
  const date = `${months === 0 ? '' : `${months}M`}${days === 0 ? '' : `${days}D`}`;
  return `P${date}${ms === 0 && date !== '' ? '' : `T${seconds}S`}`;
}

/** Whole milliseconds, rounded down, and the digits after them. */
function divided(time: number | bigint, places: 0 | 3 | 6): { readonly ms: number; readonly more: string } {
  if (places === 0) return { ms: Number(time), more: '' };
  if (typeof time === 'number') {
    const ms = Math.floor(time / 10 ** places);
    return { ms, more: String(time - ms * 10 ** places).padStart(places, '0') };
  }
  const unit = 10n ** BigInt(places);
  const rest = ((time % unit) + unit) % unit;
  return { ms: Number((time - rest) / unit), more: String(rest).padStart(places, '0') };
}
