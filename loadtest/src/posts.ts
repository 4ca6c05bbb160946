import exec from 'k6/execution';
import http from 'k6/http';
import type { LoadConfig } from './config.ts';
import { roomCount } from './stream-url.ts';

/** The large events for slow clients. */
const LARGE_EVENT_BYTES = 64 * 1_024;

/** Scenario `slow`: posts a large event. Scenario `rooms`: posts the time to the next room, as one of its members would. */
export function postOne({ scenario, baseUrls, plan }: LoadConfig): void {
  const tags = { name: 'post' };
  if (scenario === 'slow') {
    http.post(`${baseUrls[0]}/broadcast/large?event=large`, 'x'.repeat(LARGE_EVENT_BYTES), { tags });
    return;
  }
  const room = exec.scenario.iterationInTest % roomCount(plan.connections);
  const base = baseUrls[room % baseUrls.length]!;
  http.post(`${base}/broadcast/rooms/r-${room}`, String(Date.now()), { tags });
}
