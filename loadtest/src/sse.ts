import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import type { Options } from 'k6/options';
import sse from 'k6/x/sse';
import { parseLoadConfig } from './config.ts';
import { createFigures } from './metrics.ts';
import { k6Options } from './options.ts';
import { createStream, type Stream } from './stream.ts';
import { isSlow, roomCount, streamUrl } from './stream-url.ts';
import { type Metrics, renderSummary } from './summary.ts';
import { type Window, windowLine, windowOf } from './window.ts';

const config = parseLoadConfig(__ENV);

export const options: Options = k6Options(config);

/** VUs that print what went wrong, so that 50,000 do not. */
const PRINTING_VUS = 2;
/** How long a slow reader looks at one event. */
const SLOW_READ_S = 2;

/** When the streams begin; after it every VU exists. */
export function setup(): Window {
  const window = windowOf(config.plan, Date.now());
  console.log(windowLine(window));
  return window;
}

/** Of this VU, which is one stream of the plan. */
let stream: Stream | null = null;

/** One attempt of one stream. */
export default function attempt(window: Window): void {
  stream ??= openStream(window);
  const pauseMs = stream.attempt();
  const leftMs = window.endMs - Date.now();
  sleep(Math.max(0, Math.min(leftMs, pauseMs ?? leftMs)) / 1_000);
}

function openStream(window: Window): Stream {
  const number = exec.vu.idInTest;
  const slow = isSlow(config, number);
  return createStream({
    sse,
    // When a slow reader gets an event says nothing of the server.
    config: slow ? { ...config, latencyPath: null } : config,
    window,
    url: streamUrl(config, number),
    figures: createFigures(exec.vu.idInInstance <= PRINTING_VUS ? (line) => console.warn(line) : null),
    now: Date.now,
    random: Math.random,
    // A handler that sleeps keeps the module from reading, and so the server from sending.
    onEvent: slow ? () => sleep(SLOW_READ_S) : null,
  });
}

/** What a slow reader is sent beside the other events. */
const LARGE_EVENT = 'x'.repeat(64 * 1_024);

/** Scenario `slow`: posts a large event. Scenario `rooms`: posts the time to a room, as one of its members would. */
export function post(): void {
  if (config.scenario === 'slow') {
    const url = `${config.baseUrls[0]}/broadcast/large?event=large`;
    http.post(url, LARGE_EVENT, { tags: { name: 'post' } });
    return;
  }
  const room = Math.floor(Math.random() * roomCount(config.plan.connections));
  const base = config.baseUrls[room % config.baseUrls.length]!;
  http.post(`${base}/broadcast/rooms/r-${room}`, String(Date.now()), { tags: { name: 'post' } });
}

interface SummaryData {
  readonly metrics: Metrics;
  readonly state: { readonly isStdOutTTY: boolean };
}

export function handleSummary({ metrics, state }: SummaryData): Record<string, string> {
  const file = config.summaryFile;
  return {
    stdout: renderSummary(config, metrics, state.isStdOutTTY),
    ...(file === null ? {} : { [file]: JSON.stringify({ metrics }) }),
  };
}
