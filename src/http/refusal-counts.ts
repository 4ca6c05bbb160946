import type { ErrorCode } from '../errors';

/** Why something was refused to protect the process, or to protect the events. */
const REFUSALS = [
  'too-many-streams',
  'too-many-streams-per-ip',
  'too-many-subscriptions',
  'too-many-connects',
  'too-many-connections',
  'too-many-in-flight',
  'rate-limited',
  'head-too-large',
  'head-too-slow',
  'unauthorized',
  'forbidden',
  'auth-unavailable',
  'draining',
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** How often each happened since the start: a plain object, to be read by whoever shows it. */
export type RefusalCounts = Record<Refusal, number>;

export function createRefusalCounts(): RefusalCounts {
  return Object.fromEntries(REFUSALS.map((refusal) => [refusal, 0])) as RefusalCounts;
}

/** Counts an error that is a refusal; any other is none of these. */
export function countRefusal(counts: RefusalCounts, code: ErrorCode): void {
  if (code in counts) counts[code as Refusal]++;
}
