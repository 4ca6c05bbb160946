import type { SseResponse } from './sse-api.ts';

/**
 * How a stream failed, the tag `stage` of `sse_errors`:
 * `connect`: no connection, or it broke before there was an answer;
 * `status`: an answer that ends a browser's EventSource for good;
 * `unavailable`: 200, but no gateway could take it (nginx's header X-Sse-Unavailable, or an end without an event);
 * `silent`: open to the end without a single event: a proxy buffers them, or nobody publishes;
 * `stream`: it ended or broke after events had arrived.
 */
export const STAGES_OF_FAILURE = ['connect', 'status', 'unavailable', 'silent', 'stream'] as const;
export type FailureStage = (typeof STAGES_OF_FAILURE)[number];

/** Meaning and advice for each stage, for the summary. */
export const FAILURE_ADVICE: Readonly<Record<FailureStage, string>> = {
  connect: 'nothing listens at URL, or local ports or file descriptors are exhausted',
  status:
    'the server answered with another status than 200 or with another content type, which ends an EventSource',
  unavailable:
    'the server answered 200 and ended at once: no gateway could take the stream (down, full or draining)',
  silent:
    'the connection was open to the end without a single event: a proxy buffers them, or nobody publishes',
  stream: 'streams broke after they had received events: a gateway or proxy died or was restarted',
};

const UNAVAILABLE_HEADER = 'x-sse-unavailable';

/** xk6-sse closes with a timeout, which it reports as an error. */
const TIMEOUT = /deadline exceeded|Client\.Timeout/;

function isFault(message: string): boolean {
  return message !== '' && !TIMEOUT.test(message);
}

/**
 * How an attempt without any event failed. `endedEarly`: it ended before it was to be closed; `message`: the last error,
 * or empty.
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
