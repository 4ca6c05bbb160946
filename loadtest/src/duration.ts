const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/gy;

/** Milliseconds of a duration as k6 writes them: `90s`, `2m`, `1m30s`, `500ms`. NaN when it is none. */
export function durationMs(text: string): number {
  let sum = 0;
  let at = 0;
  for (const [part, number, unit] of text.matchAll(PART)) {
    sum += Number(number) * UNIT_MS[unit!]!;
    at += part.length;
  }
  return at > 0 && at === text.length ? sum : Number.NaN;
}
