import { sleep } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import sse from 'k6/x/sse';
import type { Briefing, SummaryData } from './head.ts';
import { createStreamFigures } from './metrics.ts';
import { createStream, type Stream } from './stream.ts';
import { isSlow, streamUrl } from './stream-url.ts';

/*
 * k6 loads this file and its imports in every VU, and a VU is one stream: every module costs 50,000 times its memory. So
 * modules that only k6's own hooks need are loaded there, in VU 0, and the streams get their data from setup().
 */
const head = __VU === 0 ? (require('./head.ts') as typeof import('./head.ts')).createHead(__ENV) : null;
const posts =
  __ENV.SCENARIO === 'rooms' || __ENV.SCENARIO === 'slow'
    ? (require('./posts.ts') as typeof import('./posts.ts'))
    : null;

/** For events that the script reads. Its metrics must be registered in any case. */
const scripted =
  __ENV.SSE_MODULE === 'bundled' && __VU !== 0
    ? null
    : (require('./scripted.ts') as typeof import('./scripted.ts'));

export const options: Options = head?.options ?? {};

/** VUs that print their errors, instead of all 50,000. */
const PRINTING_VUS = 2;
/** Time that a slow client takes per event. */
const SLOW_READ_S = 2;

/** When the streams start; every VU exists by then. */
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
  // VUs that post have numbers too.
  const number = 1 + ((exec.vu.idInTest - 1) % config.plan.connections);
  const slow = isSlow(config, number);
  return createStream({
    sse,
    // The latency at a slow client does not measure the server.
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

/** Posts a message to a room, or a large event. */
export function post({ config }: Briefing): void {
  posts!.postOne(config);
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return head!.summary(data);
}
