/**
 * `k6/x/sse`: the API of phymbert/xk6-sse 0.1.12, plus the additions of the module in loadtest/k6: the parameter `native`,
 * `Response.stats`, `client.native` and the handlers `event:<name>` and `comment`. xk6-sse ignores the parameter, lacks the
 * others, and never calls such a handler: check `client.native` first.
 */
declare module 'k6/x/sse' {
  export interface Event {
    /** Id of this event; '' without one. The id to resume from is `stats.lastEventId`. */
    readonly id: string;
    /** '' when it is unnamed. */
    readonly name: string;
    readonly data: string;
    readonly comment: string;
  }

  export interface StreamError {
    /** What went wrong. */
    error(): string;
  }

  /** Only in the bundled module; xk6-sse ignores it. */
  export interface NativeParams {
    /**
     * As EventSource: after an end, a break or a refused connect, wait for the last `retry:` (3000 ms when there was
     * none) and connect again with Last-Event-ID. Not after a status other than 200 or another content type: that is
     * one error, and the end. Default false.
     */
    readonly reconnect?: boolean;
    /** Unix ms at which open() ends; no event is needed for it. Default: never. */
    readonly closeAtMs?: number;
    /**
     * Path in an event's JSON data to the unix ms at which it was sent, such as `payload.date`; `.`: the data itself is
     * the number. Each event with it adds to the Trend `sse_event_latency`. Default: not measured.
     */
    readonly latency?: string;
    /** Unix ms: only what arrives from here on counts for the latency. Default: from the start. */
    readonly latencyFromMs?: number;
    /** Unix ms: only what arrives before this counts for the latency. Default: to the end. */
    readonly latencyToMs?: number;
    /**
     * Measure the latency only after `gateway.live`, which ends a replay; also on each connection that sends
     * Last-Event-ID. Default false.
     */
    readonly afterLive?: boolean;
    /**
     * Path in an event's JSON data to a number that grows by one from event to event: missing ones count in `sse_gaps`,
     * repeated ones in `sse_duplicates`. Default: not checked.
     *
     * Both ignore the gateway's own events (`gateway.*`).
     */
    readonly sequence?: string;
  }

  export interface Params {
    /** Default GET. */
    readonly method?: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly tags?: Readonly<Record<string, string>>;
    /** A `http.CookieJar`; default that of the VU. */
    readonly jar?: object;
    /** Of the whole of open(), as `90s` or `1m30s`. Default: none. */
    readonly timeout?: string;
    readonly native?: NativeParams;
  }

  /** Of the whole of open(), reconnects included. */
  export interface Stats {
    /** Answers with status 200 and the content type of event streams. */
    readonly connects: number;
    /** Attempts to connect after the first. */
    readonly reconnects: number;
    /** Events with data, without those of the gateway itself (`gateway.*`); the same as `sse_event`. */
    readonly events: number;
    readonly comments: number;
    /** Of the streams, without HTTP's own. */
    readonly bytes: number;
    /** Gaps in the sequence. */
    readonly gaps: number;
    /** Events missing in them. */
    readonly lost: number;
    readonly duplicates: number;
    /** From open() to the first event that is not one of `gateway.*`; null when none came. */
    readonly firstEventMs: number | null;
    /** '' when there was none. */
    readonly lastEventId: string;
  }

  export interface Response {
    readonly url: string;
    /** 0 when there was no answer. */
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    /** Why open() ended, as passed to the handler of `error`; '' for the end of a stream, close() and closeAtMs. */
    readonly error: string;
    /** Of the bundled module only. */
    readonly stats?: Stats;
  }

  export interface Client {
    /** True in the bundled module, undefined in xk6-sse. */
    readonly native?: boolean;
    on(event: 'open', handler: () => void): void;
    on(event: 'event' | 'comment' | `event:${string}`, handler: (event: Event) => void): void;
    /**
     * A refused connect, an answer that is no event stream, or a stream that breaks; not the end of a stream. Unless it
     * calls close(), `native.reconnect` continues after the first and the last of these.
     */
    on(event: 'error', handler: (error: StreamError) => void): void;
    /** Ends open(), also from within a handler. */
    close(): void;
  }

  /** Blocks until the stream has ended for good. `setup` is called first, before the connection is made. */
  export function open(url: string, setup: (client: Client) => void): Response;
  export function open(url: string, params: Params | null, setup: (client: Client) => void): Response;

  const sse: { readonly open: typeof open };
  export default sse;
}
