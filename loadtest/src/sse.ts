import { sleep } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import sse from 'k6/x/sse';
import type { Briefing, SummaryData } from './head.ts';
import { createStreamFigures } from './metrics.ts';
import { createStream, type Stream } from './stream.ts';
import { isSlow, streamUrl } from './stream-url.ts';

/*
 * k6 runs this file and all that it imports anew in each VU, and a VU is one stream: every module costs 50,000 times
 * its memory. So what only k6 itself asks for is loaded where k6 asks, in VU 0, and the streams are told by setup().
 */
const head = __VU === 0 ? (require('./head.ts') as typeof import('./head.ts')).createHead(__ENV) : null;
const posts =
  __ENV.SCENARIO === 'rooms' || __ENV.SCENARIO === 'slow'
    ? (require('./posts.ts') as typeof import('./posts.ts'))
    : null;

/** For events that the module does not read by itself. Its metrics must be known to k6 in any case. */
const scripted =
  __ENV.SSE_MODULE === 'bundled' && __VU !== 0
    ? null
    : (require('./scripted.ts') as typeof import('./scripted.ts'));

export const options: Options = head?.options ?? {};

/** VUs that print what went wrong, so that 50,000 do not. */
const PRINTING_VUS = 2;
/** How long a slow reader looks at one event. */
const SLOW_READ_S = 2;

/** When the streams begin; every VU exists by then. */
export function setup(): Briefing {
  return head!.begin(Date.now(), (line) => console.log(line));
}

/** Of this VU, which is one stream of the plan. */
let stream: Stream | null = null;

/** One attempt of one stream. */
export default function attempt(briefing: Briefing): void {
  stream ??= openStream(briefing);
  const pauseMs = stream.attempt();
  const leftMs = briefing.window.endMs - Date.now();
  sleep(Math.max(0, Math.min(leftMs, pauseMs ?? leftMs)) / 1_000);
}

function openStream({ config, window }: Briefing): Stream {
  // VUs that post have numbers as well.
  const number = 1 + ((exec.vu.idInTest - 1) % config.plan.connections);
  const slow = isSlow(config, number);
  return createStream({
    sse,
    // When a slow reader gets an event says nothing of the server.
    config: slow ? { ...config, latencyPath: null } : config,
    window,
    url: streamUrl(config, number),
    figures: createStreamFigures(exec.vu.idInInstance <= PRINTING_VUS ? (line) => console.warn(line) : null),
    createReader: scripted?.createReaders() ?? null,
    now: Date.now,
    random: Math.random,
    // A handler that sleeps keeps the module from reading, and so the server from sending.
    onEvent: slow ? () => sleep(SLOW_READ_S) : null,
  });
}

/** A member of a room speaks, or a large event is sent. */
export function post({ config }: Briefing): void {
  posts!.postOne(config);
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return head!.summary(data);
}
