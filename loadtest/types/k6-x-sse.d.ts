/**
 * `k6/x/sse`: the API of phymbert/xk6-sse 0.1.12, and what only the module of loadtest/k6 adds to it: the parameter
 * `native`, `Response.stats`, `client.native` and the handlers `event:<name>` and `comment`. xk6-sse ignores the
 * parameter, has none of the others, and never calls such a handler: look at `client.native` first.
 */
declare module 'k6/x/sse' {
  export interface Event {
    /** Of this event alone; '' when it carries none. The id to resume from is `stats.lastEventId`. */
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

  /** What only the bundled module does; xk6-sse ignores it. */
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
     * Where in an event's JSON data the unix ms of its sending are: `payload.date`; `.`: the data itself is the
     * number. Each event that has it adds to the Trend `sse_event_latency`. Default: not measured.
     */
    readonly latency?: string;
    /** Unix ms: only what arrives from here on counts for the latency. Default: from the beginning. */
    readonly latencyFromMs?: number;
    /** Unix ms: only what arrives before this counts for the latency. Default: to the end. */
    readonly latencyToMs?: number;
    /**
     * Count the latency only after `gateway.live`, which ends a replay; anew on each connection that sends
     * Last-Event-ID. Default false.
     */
    readonly afterLive?: boolean;
    /**
     * Where in an event's JSON data a number is that grows by one from event to event: what is left out counts in
     * `sse_gaps`, what comes again in `sse_duplicates`. Default: not checked.
     *
     * Neither this nor the latency looks at events of the gateway itself (`gateway.*`).
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
    /** Holes in the sequence. */
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
    /** Why open() has ended; '' for the end of a stream, close() and closeAtMs. Was told to the handler of `error`. */
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
     * A refused connect, an answer that is no event stream, a stream that breaks; the end of a stream is none. Unless
     * it calls close(), `native.reconnect` goes on after the first and the last.
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
