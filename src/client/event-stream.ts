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

/** What the gateway says itself, and not of a record. */
const OWN = /^gateway\.(?!tombstone|undecodable)/;

/**
 * An EventSource (HTML standard §9.2) that also sends headers, survives refusals and silence, hears events of every name,
 * and can be iterated over. It resumes after the last id by itself, until it is closed or refused for good.
 *
 * Iterating gives the events that `onEvent` gets, from the first step on. It holds up the stream rather than the memory
 * when the loop is slow, closes the stream when the loop is left, ends with `close()` and after a 204, and throws when
 * the stream is refused. Go on after `event.lastEventId` of the last event that was handled: the stream's own may be
 * further.
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
  /** Of the next attempt, or of the silence in this one. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];
  #refusal: unknown;

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
    // Not before whoever made it has set its handlers.
    else queueMicrotask(() => this.#connect());
  }

  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  /** The place at which it would go on; empty before there was an id. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** For good; events that an iterator has not taken yet are dropped. */
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
      if (this.#refusal) throw this.#refusal;
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
      // A header's characters are bytes.
      const id = String.fromCharCode(...new TextEncoder().encode(this.#lastEventId));
      if (id) sent.set('Last-Event-ID', id);
      const request: RequestInit & { cache: string } = {
        headers: sent,
        cache: 'no-store',
        credentials: this.withCredentials ? 'include' : 'same-origin',
        signal: this.#attempt.signal,
      };
      const response = await this.#heard(fetch(this.url, request));
      const type = response.headers.get('Content-Type') ?? '';
      if (response.status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(type)) {
        status = response.status;
        askedMs = retryAfterMs(response.headers.get('Retry-After'));
        again = shouldRetry(status);
        if (/^application\/problem\+json\b/i.test(type)) {
          // What cannot be read of it is no second fault.
          const problem = (await this.#heard(response.json()).catch(() => null)) as Problem;
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
      // A server says 204 when it wants no more of this client: that is an end, not a fault.
      if (status !== 204) this.#refusal = error;
      this.#end();
    }
    this.dispatchEvent(Object.assign(new Event('error'), { status, code, detail, error }));
  }

  /** Until the stream ends, breaks or is closed. An event that is not whole by then is dropped with its id. */
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
        // A refusal that a browser survives is a stream too, of this event alone.
        if (event !== 'gateway.retry') this.#failures = 0;
        this.#deliver(new MessageEvent(event, { data, origin, lastEventId: this.#lastEventId }));
      },
    });
    // The decoder of events takes away the one mark at the beginning that may be there.
    const text = new TextDecoder('utf-8', { ignoreBOM: true });
    const reader = body!.getReader();
    for (;;) {
      const { done, value } = await this.#heard(reader.read());
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
      // As from a listener: it is reported, and the stream goes on.
      queueMicrotask(() => {
        throw error;
      });
    }
    for (const queue of this.#queues) queue.push(event);
    this.#changed();
  }

  /** The step's result; the attempt is given up when it takes too long. */
  async #heard<T>(step: Promise<T>): Promise<T> {
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

  /** Until something comes into a queue or out of it, or the stream is closed. */
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
