import { createFrameDecoder } from '../wire/frame-decoder.ts';
import type { GatewayEventName } from '../wire/gateway-events.ts';
import { retryAfterMs, retryDelayMs } from './retry-delay.ts';
import type { EventStreamOptions, StreamEvent, StreamEventTarget } from './stream-options.ts';

export type * from './stream-options.ts';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

const DEFAULTS = {
  headers: {},
  lastEventId: '',
  withCredentials: false,
  silenceMs: 45_000,
  retryMs: 1_000,
  maxRetryMs: 30_000,
  maxBuffered: 256,
  shouldRetry: (status: number) => status >= 500 || [401, 408, 425, 429].includes(status),
};

const CALLBACKS = {
  'gateway.gap': 'onGap',
  'gateway.reset': 'onReset',
  'gateway.live': 'onLive',
  'gateway.status': 'onStatus',
} as const satisfies Partial<Record<GatewayEventName, keyof EventStreamOptions>>;

type Problem = { readonly code?: unknown; readonly detail?: unknown } | null;

/** The gateway's own events, except the two that stand for a record. */
const OWN = /^gateway\.(?!tombstone|undecodable)/;

/**
 * An EventSource (HTML standard §9.2) that also sends headers, survives error statuses and silence, receives events of
 * every name, and is an async iterable. It reconnects and resumes after the last id until it is closed or rejected for good.
 *
 * Iterating yields the events that `onEvent` gets, from the first step on. A slow loop puts backpressure on the stream
 * instead of filling memory; leaving the loop closes the stream; `close()` and a 204 end it; a rejection throws. To
 * resume elsewhere, use `event.lastEventId` of the last handled event: the stream's own may be further.
 */
export class EventStream extends (EventTarget as new () => StreamEventTarget) {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSED = CLOSED;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSED = CLOSED;
  /** Absolute. */
  readonly url: string;
  readonly withCredentials: boolean;
  onopen: ((event: Event) => unknown) | null = null;
  onmessage: ((event: StreamEvent) => unknown) | null = null;
  readonly #options: EventStreamOptions & typeof DEFAULTS;
  readonly #queues = new Set<StreamEvent[]>();
  readonly #close = () => this.close();
  #readyState: 0 | 1 | 2 = CONNECTING;
  #lastEventId: string;
  #retryMs: number;
  #failures = 0;
  #attempt = new AbortController();
  /** For the next attempt, or for the silence in this one. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];
  #rejection: unknown;

  /**
   * @param url relative to the page, where there is one
   * @throws TypeError when it is not a URL
   */
  constructor(url: string | URL, options: EventStreamOptions = {}) {
    super();
    const { document, location } = globalThis as {
      document?: { baseURI: string };
      location?: { href: string };
    };
    this.url = new URL(url, document?.baseURI ?? location?.href).href;
    this.#options = { ...DEFAULTS, ...options };
    ({
      withCredentials: this.withCredentials,
      lastEventId: this.#lastEventId,
      retryMs: this.#retryMs,
    } = this.#options);
    this.addEventListener('open', (event) => this.onopen?.(event));
    this.addEventListener('message', (event) => this.onmessage?.(event));
    this.onerror = null;
    this.addEventListener('error', (event) => this.onerror?.(event));
    for (const [type, name] of Object.entries(CALLBACKS)) {
      const tell = options[name] as ((payload: unknown) => void) | undefined;
      if (tell) this.addEventListener(type, ({ data }) => tell(JSON.parse(data)));
    }
    const { signal } = options;
    signal?.addEventListener('abort', this.#close);
    if (signal?.aborted) this.close();
    // In a microtask, so that the caller can set its handlers first.
    else queueMicrotask(() => this.#connect());
  }

  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  /** The id to resume after; empty before the first one. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** Final; events that an iterator has not taken yet are dropped. */
  close(): void {
    for (const queue of this.#queues) queue.length = 0;
    this.#end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    const queue: StreamEvent[] = [];
    this.#queues.add(queue);
    try {
      for (;;) {
        const event = queue.shift();
        if (event) {
          this.#changed();
          yield event;
        } else if (this.#isClosed) break;
        else await this.#change();
      }
      if (this.#rejection) throw this.#rejection;
    } finally {
      this.#queues.delete(queue);
      this.close();
    }
  }

  get #isClosed(): boolean {
    return this.#readyState === CLOSED;
  }

  #end(): void {
    this.#readyState = CLOSED;
    clearTimeout(this.#timer);
    this.#attempt.abort();
    this.#options.signal?.removeEventListener('abort', this.#close);
    this.#changed();
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    const { headers, shouldRetry, maxRetryMs, fetch = globalThis.fetch } = this.#options;
    this.#attempt = new AbortController();
    this.#failures++;
    let status = 0;
    let again = true;
    let askedMs = 0;
    let error: unknown = null;
    let code: string | null = null;
    let detail: string | null = null;
    try {
      const sent = new Headers(
        (typeof headers === 'function' ? await headers() : headers) as Record<string, string>,
      );
      sent.set('Accept', 'text/event-stream');
      // A header's characters are bytes: send the UTF-8 bytes of the id.
      const id = String.fromCharCode(...new TextEncoder().encode(this.#lastEventId));
      if (id) sent.set('Last-Event-ID', id);
      const request: RequestInit & { cache: string } = {
        headers: sent,
        cache: 'no-store',
        credentials: this.withCredentials ? 'include' : 'same-origin',
        signal: this.#attempt.signal,
      };
      const response = await this.#withinSilence(fetch(this.url, request));
      const type = response.headers.get('Content-Type') ?? '';
      if (response.status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(type)) {
        status = response.status;
        askedMs = retryAfterMs(response.headers.get('Retry-After'));
        again = shouldRetry(status);
        if (/^application\/problem\+json\b/i.test(type)) {
          // An unreadable body is not a second fault.
          const problem = (await this.#withinSilence(response.json()).catch(() => null)) as Problem;
          code = textOf(problem?.code);
          detail = textOf(problem?.detail);
        }
        error = Object.assign(new Error(`${this.url} answered ${status} ${detail ?? type}`), {
          status,
          code,
          detail,
        });
      } else {
        this.#readyState = OPEN;
        this.dispatchEvent(new Event('open'));
        await this.#read(response);
      }
    } catch (thrown) {
      error = thrown;
    }
    this.#attempt.abort();
    if (this.#isClosed) return;
    if (again) {
      this.#readyState = CONNECTING;
      const baseMs = Math.max(this.#retryMs, askedMs);
      this.#timer = setTimeout(
        () => this.#connect(),
        retryDelayMs({ baseMs, maxMs: maxRetryMs, failures: this.#failures }),
      );
    } else {
      // A server ends the stream for good with 204: that is not a fault.
      if (status !== 204) this.#rejection = error;
      this.#end();
    }
    this.dispatchEvent(Object.assign(new Event('error'), { status, code, detail, error }));
  }

  /** Until the stream ends, breaks or is closed. An incomplete event is dropped with its id. */
  async #read({ body, url }: Response): Promise<void> {
    const { origin } = new URL(url || this.url);
    const decoder = createFrameDecoder({
      onRetry: (ms) => {
        this.#retryMs = ms;
      },
      onId: (id) => {
        if (this.#isClosed) return;
        this.#lastEventId = id;
        this.#failures = 0;
      },
      onEvent: ({ event, data }) => {
        if (this.#isClosed) return;
        // A rejected EventSource gets a stream with this event alone: that is no success.
        if (event !== 'gateway.retry') this.#failures = 0;
        this.#deliver(new MessageEvent(event, { data, origin, lastEventId: this.#lastEventId }));
      },
    });
    // The frame decoder removes the byte order mark.
    const text = new TextDecoder('utf-8', { ignoreBOM: true });
    const reader = body!.getReader();
    for (;;) {
      const { done, value } = await this.#withinSilence(reader.read());
      if (done) return;
      decoder.push(text.decode(value, { stream: true }));
      while ([...this.#queues].some(({ length }) => length >= this.#options.maxBuffered))
        await this.#change();
    }
  }

  #deliver(event: StreamEvent): void {
    this.dispatchEvent(event);
    if (OWN.test(event.type)) return;
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      // As for an error in a listener: report it, and continue the stream.
      queueMicrotask(() => {
        throw error;
      });
    }
    for (const queue of this.#queues) queue.push(event);
    this.#changed();
  }

  /** The step's result; the attempt is aborted after `silenceMs`. */
  async #withinSilence<T>(step: Promise<T>): Promise<T> {
    const { silenceMs } = this.#options;
    if (silenceMs > 0) {
      this.#timer = setTimeout(() => this.#attempt.abort(new Error(`silent for ${silenceMs} ms`)), silenceMs);
    }
    try {
      return await step;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Resolves when an event enters or leaves a queue, or the stream is closed. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
