import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Config } from '../config';
import type { LogIds } from '../events/log-ids';
import type { CorsHeaders } from '../http/cors';
import { REQUEST_ID_HEADER } from '../http/request-id';
import type { Chunk } from '../hub/chunk';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/positions';
import type { Sink, Subscriber } from '../hub/subscriber';
import { ownEvent } from '../wire/own-event';
import type { OutageNotice } from './outage-notice';

/**
 * Why a stream ended: the closed list. The place that detects a reason calls `end` (the client gets everything that was
 * written, then `gateway.retry`) or `destroy` (the connection is dropped) with it.
 */
export const CLOSE_REASONS = [
  /** The connection closed: the socket's `close`, below. */
  'client',
  /** A slow client: its socket took nothing for `SLOW_GRACE_MS` (stream-rounds.ts). */
  'slow',
  /** It had the most unsent bytes when all streams together had too many (stream-rounds.ts). */
  'full',
  /** Its token expired (stream-rounds.ts). */
  'expired',
  /** Shutdown (`drainStreams` in stream-rounds.ts). */
  'drain',
  /** Its replay reached a limit: the client reconnects and continues from there (hub/catch-up.ts). */
  'replay-limit',
  /** An internal error: it could not begin (stream-opening.ts), or a write to it threw (hub/hub.ts). */
  'error',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** What all streams have in common. */
export interface SseStreamDeps {
  /** Unsent bytes after which the client counts as slow: nothing is written until its socket is writable again. */
  readonly maxBufferBytes: number;
  /** How long the connection of a stream that has ended may take nothing, or stay open. */
  readonly lingerMs: number;
  readonly idOf: LogIds['idOf'];
  readonly retryMs: RetryTime;
  readonly outageNotice: OutageNotice;
  readonly hub: Pick<Hub, 'onWritable' | 'unsubscribe'>;
  /** Called once, as soon as the stream takes no more events, whatever the reason. */
  readonly onClose: (stream: SseStream, reason: CloseReason) => void;
}

interface SseStreamOptions {
  readonly socket: Socket;
  readonly origin: StreamOrigin;
  /** As its subscription has them. */
  readonly channels: readonly string[];
  /** True: chunked coding (HTTP/1.1). False: bare bytes until the connection ends. */
  readonly chunked: boolean;
  /** The id before the data in events for this stream only, as its subscription has it. */
  readonly idFirst: boolean;
  /** Silence after which it gets a heartbeat. */
  readonly heartbeatMs: number;
}

const LAST_CHUNK = '0\r\n\r\n';

/**
 * One open event stream on its socket: the only place that writes to it. Each write is whole events, so a heartbeat never
 * cuts an event.
 */
export class SseStream implements Sink {
  readonly openedAtMs = Date.now();
  readonly origin: StreamOrigin;
  readonly channels: readonly string[];
  readonly idFirst: boolean;
  readonly heartbeatMs: number;
  /** Null until it is known where the stream begins. */
  subscriber: Subscriber | null = null;
  /** While blocked: the socket's `queuedBytes`, and since when they have not changed. */
  stalled: { readonly queuedBytes: number; readonly sinceMs: number } | null = null;
  /** Heartbeats sent so far: some of them carry an id. */
  heartbeats = 0;
  /** Place in the list of open streams. */
  place = 0;
  readonly #deps: SseStreamDeps;
  readonly #socket: Socket;
  readonly #chunked: boolean;
  /** The last write that was not the hub's: the opening or a heartbeat. */
  #ownWriteAtMs = performance.now();
  #isOpen = true;
  #waitsForDrain = false;

  constructor(
    deps: SseStreamDeps,
    { socket, origin, channels, chunked, idFirst, heartbeatMs }: SseStreamOptions,
  ) {
    this.#deps = deps;
    this.origin = origin;
    this.channels = channels;
    this.idFirst = idFirst;
    this.heartbeatMs = heartbeatMs;
    this.#socket = socket;
    this.#chunked = chunked;
    socket.on('close', () => this.#close('client'));
  }

  /** The head of the answer, in ASCII, and the first bytes of the stream, in one write. */
  open(head: string, first: string): void {
    this.#socket.write(head + this.#framed(first));
  }

  write(chunk: Chunk): boolean {
    return this.#send(this.#chunked ? chunk.framed : chunk.bare);
  }

  #send(bytes: Buffer | string): boolean {
    const socket = this.#socket;
    if (socket.write(bytes) || socket.writableLength <= this.#deps.maxBufferBytes) return true;
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true;
      socket.once('drain', () => {
        this.#waitsForDrain = false;
        this.stalled = null;
        if (this.subscriber !== null) this.#deps.hub.onWritable(this.subscriber);
      });
    }
    return false;
  }

  /** Events for this stream only. */
  writeText(text: string): boolean {
    return this.#send(this.#framed(text));
  }

  endReplay(positions: Positions): void {
    this.end('replay-limit', positions);
  }

  caughtUp(positions: Positions, replayed: number): void {
    const { idOf, outageNotice } = this.#deps;
    const live = ownEvent(
      'gateway.live',
      { replayed },
      { id: idOf(this.channels, positions), idFirst: this.idFirst },
    );
    this.writeText(live + outageNotice.textFor(this));
  }

  /** When it was written to last. */
  get writtenAtMs(): number {
    return Math.max(this.#ownWriteAtMs, this.subscriber?.served?.atMs ?? 0);
  }

  /** Writes a heartbeat. */
  beat(chunk: Chunk, nowMs: number): void {
    this.#ownWriteAtMs = nowMs;
    this.write(chunk);
  }

  /** False once it takes no more events. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Bytes handed to the socket, those not sent yet and the head included. */
  get writtenBytes(): number {
    return this.#socket.bytesWritten;
  }

  /** Holds more than its limit. */
  get isBlocked(): boolean {
    return this.#waitsForDrain;
  }

  /**
   * What the socket's handle still has to pass to the kernel. It goes down whenever the client takes anything, while
   * `bufferedBytes` does not change until a large write is done.
   */
  get queuedBytes(): number {
    const { _handle: handle } = this.#socket as Socket & { _handle?: { writeQueueSize?: number } | null };
    return handle?.writeQueueSize ?? 0;
  }

  /**
   * Ends after the last whole event; the client gets everything that was written, and when to reconnect.
   * @param positions where to resume, when that is further than its last id; null: after its last id
   */
  end(reason: CloseReason, positions: Positions | null = null): void {
    this.#close(reason);
    const { idOf, retryMs, lingerMs } = this.#deps;
    const id = positions === null ? null : idOf(this.channels, positions);
    const { idFirst } = this;
    const retry = this.#framed(
      ownEvent('gateway.retry', { code: reason }, { id, retryMs: retryMs(), idFirst }),
    );
    this.#socket.end(this.#chunked ? retry + LAST_CHUNK : retry);
    // The stream is no longer in the list that the rounds check for slow clients.
    this.#socket.setTimeout(lingerMs, () => this.#socket.destroy());
  }

  failed(): void {
    this.destroy('error');
  }

  /** Drops the connection and what was not sent. */
  destroy(reason: CloseReason): void {
    this.#close(reason);
    this.#socket.destroy();
  }

  #framed(text: string): string {
    return this.#chunked ? `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n` : text;
  }

  #close(reason: CloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#deps.onClose(this, reason);
    if (this.subscriber !== null) this.#deps.hub.unsubscribe(this.subscriber);
  }
}

/** The two lines of the head that differ by route. */
interface StreamKind {
  readonly contentType: string;
  readonly cacheControl: string;
}

const EVENTS: StreamKind = {
  contentType: 'text/event-stream;charset=utf-8',
  cacheControl: 'no-cache, no-transform',
};
export const SSE: StreamKind = { contentType: 'text/event-stream', cacheControl: 'no-cache' };
const SUBSCRIBE: StreamKind = { contentType: 'text/event-stream; charset=utf-8', cacheControl: 'no-cache' };

/** @param path of a stream */
export function streamKindOf(path: string): StreamKind {
  if (path === '/events') return EVENTS;
  return path === '/sse' ? SSE : SUBSCRIBE;
}

/** The head of a stream's response. */
export interface StreamHead {
  readonly text: string;
  /** The body is chunked. */
  readonly chunked: boolean;
}

/**
 * Written by hand: a stream is written to its socket directly, without a ServerResponse.
 * @param requestId null: none
 */
export function streamHeadOf(
  req: Pick<IncomingMessage, 'httpVersion' | 'headers'>,
  { contentType, cacheControl }: StreamKind,
  requestId: string | null,
  corsHeaders: CorsHeaders,
): StreamHead {
  const chunked = req.httpVersion === '1.1' && !/\bclose\b/i.test(req.headers.connection ?? '');
  let text =
    `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\nCache-Control: ${cacheControl}\r\n` +
    `Connection: keep-alive\r\nX-Accel-Buffering: no\r\nDate: ${new Date().toUTCString()}\r\n`;
  if (requestId !== null) text += `${REQUEST_ID_HEADER}: ${requestId}\r\n`;
  for (const [name, value] of Object.entries(corsHeaders)) text += `${name}: ${value}\r\n`;
  // Without it the body ends with the connection (RFC 9112 §6.3), whatever the Connection line says.
  if (chunked) text += 'Transfer-Encoding: chunked\r\n';
  return { text: `${text}\r\n`, chunked };
}

/** The client and the request of a stream, for operators. */
export interface StreamOrigin {
  /** Null when the request was given none. */
  readonly requestId: string | null;
  /** As sent, without the query. */
  readonly requestPath: string;
  readonly clientIp: string;
  /** Empty when the client did not say. */
  readonly userAgent: string;
}

/** A client chooses how long these are, and each is kept for as long as the stream is open. */
const MAX_TEXT_LENGTH = 200;

export function streamOriginOf(
  req: IncomingMessage,
  path: string,
  clientIp: string,
  requestId: string | null,
): StreamOrigin {
  return {
    requestId,
    requestPath: ownCopy(path),
    clientIp: ownCopy(clientIp),
    userAgent: ownCopy(req.headers['user-agent'] ?? ''),
  };
}

/** A substring keeps the whole string in memory. Heads are latin1. */
function ownCopy(text: string): string {
  return Buffer.from(text.slice(0, MAX_TEXT_LENGTH), 'latin1').toString('latin1');
}

/** A reconnect time with jitter, so that clients that were disconnected together do not reconnect together. */
export type RetryTime = () => number;

export function createRetryTime(config: Pick<Config['streams'], 'retryMinMs' | 'retryMaxMs'>): RetryTime {
  const { retryMinMs, retryMaxMs } = config;
  return () => retryMinMs + Math.floor(Math.random() * (retryMaxMs - retryMinMs + 1));
}
