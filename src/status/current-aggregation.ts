import { performance } from 'node:perf_hooks';
import type { EncodedEvent } from '../events/encoded-event';
import { type AggregationStats, NO_EVENTS, numberOf, parseJson, withEvent } from '../roles/aggregation-stats';
import { dataOf } from '../wire/frame';

/** The open aggregation window over what a gateway delivers, of all topics together. */
export interface CurrentAggregation {
  /** Called for each event that is delivered: keeps a reference and reads nothing. */
  onEvent(event: EncodedEvent): void;
  /** The `currentAggregation` of `GET /kafka/status`. */
  report(): { readonly currentBuffer: number; readonly stats: AggregationStats };
}

export interface CurrentAggregationOptions {
  /** Events after which a window closes; this many frames are kept at the most. */
  readonly events: number;
  /** Time after which a window closes with fewer. */
  readonly windowMs: number;
  /** A clock that never goes back. */
  readonly now?: () => number;
}

export function createCurrentAggregation({
  events: maxEvents,
  windowMs,
  now = () => performance.now(),
}: CurrentAggregationOptions): CurrentAggregation {
  let open: EncodedEvent[] = [];
  let openedMs = 0;

  /** Closed when it is looked at, so that no timer is needed. */
  function closeWhenOld(nowMs: number): void {
    if (open.length > 0 && nowMs - openedMs >= windowMs) open = [];
  }

  return {
    onEvent(event) {
      const nowMs = now();
      closeWhenOld(nowMs);
      if (open.length === 0) openedMs = nowMs;
      open.push(event);
      if (open.length >= maxEvents) open = [];
    },

    report() {
      closeWhenOld(now());
      let stats = NO_EVENTS;
      for (const event of open) {
        // What stands for a record that cannot be shown has no value of its own.
        const value = event.isOwn ? 0 : numberOf(parseJson(dataOf(event)));
        stats = withEvent(stats, value, event.source.timestampMs, Date.now());
      }
      return { currentBuffer: open.length, stats };
    },
  };
}
