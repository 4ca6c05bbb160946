import { Counter, Rate, Trend } from 'k6/metrics';
import type { StreamFigures } from './figures.ts';

const connectSuccess = new Rate('sse_connect_success');
const connections = new Counter('sse_connections');
const responseTime = new Trend('sse_response_time', true);
const timeToFirstEvent = new Trend('sse_time_to_first_event', true);
const errors = new Counter('sse_errors');

/** Errors printed per VU; further ones are only counted. */
const PRINTED_ERRORS = 3;

/** Adds a stream's reports to k6's metrics. `print`: the first messages, from a few streams only. */
export function createStreamFigures(print: ((line: string) => void) | null): StreamFigures {
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
      if (print !== null && printed++ < PRINTED_ERRORS) {
        print(`stream failed (${stage}): ${message || 'it ended'}`);
      }
    },
  };
}
