import type { SseResponse } from './sse-api.ts';

/**
 * How a stream failed, the tag `stage` of `sse_errors`:
 * `connect`: no connection, or it broke before there was an answer;
 * `status`: an answer that ends a browser's EventSource for good;
 * `unavailable`: 200, but a proxy or a gateway said "not now" (nginx' header X-Sse-Unavailable, or an end without event);
 * `silent`: open to the end, and not one event came: something on the way keeps them, or nobody sends any;
 * `stream`: it ended or broke after events had come.
 */
export const STAGES_OF_FAILURE = ['connect', 'status', 'unavailable', 'silent', 'stream'] as const;
export type FailureStage = (typeof STAGES_OF_FAILURE)[number];

/** What each means and what to look at, for the summary. */
export const FAILURE_ADVICE: Readonly<Record<FailureStage, string>> = {
  connect: 'nothing accepts connections at URL, or local ports or open files have run out',
  status:
    'the server answered with another status than 200 or with another content type, which ends an EventSource',
  unavailable:
    'the server answered 200 and ended at once: no gateway could take the stream (down, full or draining)',
  silent:
    'the connection was open to its end and not one event came: a proxy buffers them, or nobody publishes',
  stream: 'streams broke that were fine before: a gateway or proxy died or was restarted',
};

const UNAVAILABLE_HEADER = 'x-sse-unavailable';

/** xk6-sse tells its own timeout, which is how it closes, as an error. */
const TIMEOUT = /deadline exceeded|Client\.Timeout/;

function isFault(message: string): boolean {
  return message !== '' && !TIMEOUT.test(message);
}

/**
 * How an attempt failed on which no event came. `endedEarly`: it was over before it was to be closed; `message`: the last
 * error, or empty.
 */
export function failureOf(response: SseResponse, endedEarly: boolean, message: string): FailureStage {
  if (response.status === 0) return endedEarly || isFault(message) ? 'connect' : 'silent';
  if (response.status !== 200) return 'status';
  if (hasHeader(response, UNAVAILABLE_HEADER)) return 'unavailable';
  if (!isEventStream(response)) return 'status';
  return endedEarly ? 'unavailable' : 'silent';
}

function hasHeader({ headers }: SseResponse, name: string): boolean {
  return Object.keys(headers ?? {}).some((key) => key.toLowerCase() === name);
}

function isEventStream({ headers }: SseResponse): boolean {
  const found = Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === 'content-type');
  return found?.[1].trim().toLowerCase().startsWith('text/event-stream') ?? false;
}
