import { Counter, Rate, Trend } from 'k6/metrics';
import type { Figures } from './figures.ts';

const connectSuccess = new Rate('sse_connect_success');
const connections = new Counter('sse_connections');
const responseTime = new Trend('sse_response_time', true);
const timeToFirstEvent = new Trend('sse_time_to_first_event', true);
const errors = new Counter('sse_errors');
// From here on the bundled module adds to the same metrics by their names.
const eventLatency = new Trend('sse_event_latency', true);
const gaps = new Counter('sse_gaps');
const duplicates = new Counter('sse_duplicates');
const reconnects = new Counter('sse_reconnects');
const unavailable = new Counter('sse_unavailable');
const clockSkew = new Counter('sse_clock_skew');

/** Errors of one VU that are printed; the rest is only counted. */
const PRINTED_ERRORS = 3;

/** Adds what a stream reports to k6's metrics. `print`: the first messages, from a few streams only. */
export function createFigures(print: ((line: string) => void) | null): Figures {
  let printed = 0;
  return {
    attempts(succeeded, failed) {
      for (let i = 0; i < succeeded; i++) connectSuccess.add(true);
      for (let i = 0; i < failed; i++) connectSuccess.add(false);
    },
    opened(responseMs, firstEventMs) {
      connections.add(1);
      responseTime.add(responseMs);
      timeToFirstEvent.add(firstEventMs);
    },
    failed(stage, count, message) {
      errors.add(count, { stage });
      if (stage === 'unavailable') unavailable.add(count);
      if (print !== null && printed++ < PRINTED_ERRORS)
        print(`stream failed (${stage}): ${message || 'it ended'}`);
    },
    latency: (ms) => eventLatency.add(ms),
    clockSkew: () => clockSkew.add(1),
    lost: (events) => gaps.add(events),
    duplicate: () => duplicates.add(1),
    reconnected: () => reconnects.add(1),
  };
}
