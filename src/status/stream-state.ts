import type { SseStream } from '../sse/sse-stream';

/**
 * `starting`: it is being found out where it begins; `live`: gets what comes, together with the others; `catching_up`:
 * is given its past from the ring; `backfilling`: is given what is older than the ring; `blocked`: its client takes
 * less than comes.
 */
export const STREAM_STATES = ['starting', 'live', 'catching_up', 'backfilling', 'blocked'] as const;
export type StreamState = (typeof STREAM_STATES)[number];

export function streamStateOf({ subscriber, isBlocked }: SseStream): StreamState {
  if (subscriber === null) return 'starting';
  if (isBlocked) return 'blocked';
  if (subscriber.state === 'live') return 'live';
  return subscriber.seq === null ? 'backfilling' : 'catching_up';
}
