import type { StreamGap, StreamLive, StreamReset, StreamStatus } from '../wire/gateway-events.ts';

export type * from '../wire/gateway-events.ts';

/** An event of the stream: `type` is its name (`message` when it has none), `lastEventId` the place to resume after it. */
export interface StreamEvent extends MessageEvent {
  readonly data: string;
}

/** An `error` event: the connection is lost. It is retried, unless `readyState` is CLOSED. */
export interface StreamErrorEvent extends Event {
  /** Status of an answer that was no stream; 0 without an answer, or when a stream broke or ended. */
  readonly status: number;
  /** `code` of the problem document (RFC 9457), stable; null without one. */
  readonly code: string | null;
  /** `detail` of the problem document, for people. */
  readonly detail: string | null;
  /** A `StreamRejection` when there is a status. Null when the stream ended. */
  readonly error: unknown;
}

/** Thrown by the iterator when the stream is rejected for good; its message has the `detail`. */
export interface StreamRejection extends Error, Pick<StreamErrorEvent, 'status' | 'code' | 'detail'> {}

export type StreamHeaders = Record<string, string> | readonly (readonly [string, string])[] | Headers;

export interface EventStreamOptions {
  /**
   * Sent with each request; a function is called for each attempt, also after a 401, and an error that it throws counts as
   * a failed attempt. Across origins they cause a CORS preflight.
   */
  readonly headers?: StreamHeaders | (() => StreamHeaders | Promise<StreamHeaders>);
  /** Id to resume after. Default: the start that the URL asks for. */
  readonly lastEventId?: string;
  /** Send cookies across origins; default false. */
  readonly withCredentials?: boolean;
  /** Instead of the global one. */
  readonly fetch?: typeof fetch;
  /** Closes the stream when it is aborted. */
  readonly signal?: AbortSignal;
  /**
   * Called with the event of each record, whatever its name: not with the gateway's own events (`gateway.*` except
   * `gateway.tombstone` and `gateway.undecodable`, which stand for records). For those use listeners or the four below.
   */
  readonly onEvent?: (event: StreamEvent) => void;
  readonly onGap?: (gap: StreamGap) => void;
  readonly onReset?: (reset: StreamReset) => void;
  readonly onLive?: (live: StreamLive) => void;
  readonly onStatus?: (status: StreamStatus) => void;
  /**
   * Whether to retry after an answer that is no stream (200: one of another type than `text/event-stream`). Default:
   * 401, 408, 425, 429 and all from 500 on. False closes the stream.
   */
  readonly shouldRetry?: (status: number) => boolean;
  /**
   * Milliseconds without a byte after which the connection counts as dead and is replaced; default 45,000, three
   * heartbeats of a gateway with the default `HEARTBEAT_MS`. 0: never.
   */
  readonly silenceMs?: number;
  /** Shortest delay before the next attempt, until the server sends another one (`retry:`); default 1,000. */
  readonly retryMs?: number;
  /** Longest delay after failures in a row; default 30,000. A longer `retry:` or `Retry-After` is obeyed. */
  readonly maxRetryMs?: number;
  /**
   * Events queued for a slow iterator before reading the stream pauses; default 256. The events of the last chunk that was
   * read may exceed it.
   */
  readonly maxBuffered?: number;
}

type Listener<E> = ((event: E) => unknown) | { handleEvent(event: E): unknown } | null;
type ListenOptions = boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal };

/** An EventTarget with typed listeners. */
export interface StreamEventTarget extends EventTarget {
  /** The getter has EventSource's type, so that an EventStream is assignable to it. */
  get onerror(): ((event: Event) => unknown) | null;
  set onerror(listener: ((event: StreamErrorEvent) => unknown) | null);
  addEventListener(type: 'open', listener: Listener<Event>, options?: ListenOptions): void;
  addEventListener(type: 'error', listener: Listener<StreamErrorEvent>, options?: ListenOptions): void;
  addEventListener(type: string, listener: Listener<StreamEvent>, options?: ListenOptions): void;
  removeEventListener(type: 'open', listener: Listener<Event>, options?: ListenOptions): void;
  removeEventListener(type: 'error', listener: Listener<StreamErrorEvent>, options?: ListenOptions): void;
  removeEventListener(type: string, listener: Listener<StreamEvent>, options?: ListenOptions): void;
}
