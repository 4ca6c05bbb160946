import type { StreamGap, StreamLive, StreamReset, StreamStatus } from '../wire/gateway-events.ts';

export type * from '../wire/gateway-events.ts';

/** An event of the stream: `type` is its name (`message` when it has none), `lastEventId` the place to resume after it. */
export interface StreamEvent extends MessageEvent {
  readonly data: string;
}

/** An `error` event: the connection is lost and will be tried again, or `readyState` is CLOSED and it will not. */
export interface StreamErrorEvent extends Event {
  /** Of an answer that was no stream; 0 when there was no answer, or when a stream broke or ended. */
  readonly status: number;
  /** Of a problem document (RFC 9457): which of the gateway's refusals it is. Null when the answer was none. */
  readonly code: string | null;
  /** Of a problem document: what is wrong, for people. */
  readonly detail: string | null;
  /** A `StreamRefusal` when there is a status. Null when a stream came to its end. */
  readonly error: unknown;
}

/** What a loop throws when the stream is refused for good; its message has the `detail`. */
export interface StreamRefusal extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly detail: string | null;
}

export type StreamHeaders = Record<string, string> | readonly (readonly [string, string])[] | Headers;

export interface EventStreamOptions {
  /**
   * Sent with each request; a function is called anew for each attempt, also after a 401, and what it throws counts as a
   * failed attempt. Across origins a browser asks the server before it sends any of them (CORS preflight).
   */
  readonly headers?: StreamHeaders | (() => StreamHeaders | Promise<StreamHeaders>);
  /** Where to begin: an id seen earlier. Default: where the URL says. */
  readonly lastEventId?: string;
  /** Send cookies across origins; default false. */
  readonly withCredentials?: boolean;
  /** Instead of the global one. */
  readonly fetch?: typeof fetch;
  /** Closes the stream when it is aborted. */
  readonly signal?: AbortSignal;
  /**
   * The event of each record, whatever its name: all but what the gateway says itself (`gateway.*` without
   * `gateway.tombstone` and `gateway.undecodable`, which are records), for which there are listeners and these four.
   */
  readonly onEvent?: (event: StreamEvent) => void;
  readonly onGap?: (gap: StreamGap) => void;
  readonly onReset?: (reset: StreamReset) => void;
  readonly onLive?: (live: StreamLive) => void;
  readonly onStatus?: (status: StreamStatus) => void;
  /**
   * Whether an answer that is no stream may get better; 200 is one of another type than `text/event-stream`. Default:
   * 401, 408, 425, 429 and all from 500 on. False closes the stream.
   */
  readonly shouldRetry?: (status: number) => boolean;
  /**
   * Silence, of an answer or of a stream, after which the connection counts as dead and is made anew; default 45,000,
   * three heartbeats of a gateway with the default `HEARTBEAT_MS`. 0: never.
   */
  readonly silenceMs?: number;
  /** The least wait before the next attempt until the server has said another one (`retry:`); default 1,000. */
  readonly retryMs?: number;
  /** The most that failures in a row make of it; default 30,000. `retry:` and `Retry-After` are obeyed beyond it. */
  readonly maxRetryMs?: number;
  /**
   * Events that wait for a slow iterator before the stream is no longer read; default 256. The rest of what was read
   * together with the last of them comes on top.
   */
  readonly maxBuffered?: number;
}

type Listener<E> = ((event: E) => unknown) | { handleEvent(event: E): unknown } | null;
type ListenOptions = boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal };

/** An EventTarget that knows what its listeners get. */
export interface StreamEventTarget extends EventTarget {
  /** Read as an EventSource's, so that an EventStream passes for one. */
  get onerror(): ((event: Event) => unknown) | null;
  set onerror(listener: ((event: StreamErrorEvent) => unknown) | null);
  addEventListener(type: 'open', listener: Listener<Event>, options?: ListenOptions): void;
  addEventListener(type: 'error', listener: Listener<StreamErrorEvent>, options?: ListenOptions): void;
  addEventListener(type: string, listener: Listener<StreamEvent>, options?: ListenOptions): void;
  removeEventListener(type: 'open', listener: Listener<Event>, options?: ListenOptions): void;
  removeEventListener(type: 'error', listener: Listener<StreamErrorEvent>, options?: ListenOptions): void;
  removeEventListener(type: string, listener: Listener<StreamEvent>, options?: ListenOptions): void;
}
