import { Counter, Trend } from 'k6/metrics';
import type { EventFigures } from './figures.ts';

// The bundled module adds to all but the last, by name.
const latency = new Trend('sse_event_latency', true);
const gaps = new Counter('sse_gaps');
const duplicates = new Counter('sse_duplicates');
const reconnects = new Counter('sse_reconnects');
const clockSkew = new Counter('sse_clock_skew');

/** k6 metrics of the content of events. */
export const eventFigures: EventFigures = {
  latency: (ms) => latency.add(ms),
  clockSkew: () => clockSkew.add(1),
  lost: (events) => gaps.add(events),
  duplicate: () => duplicates.add(1),
  reconnected: () => reconnects.add(1),
};
