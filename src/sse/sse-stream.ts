import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { CorsHeaders } from '../http/cors';
import { REQUEST_ID_HEADER } from '../http/request-id';
import type { Chunk } from '../hub/chunk';
import type { Positions } from '../hub/ring';
import type { Sink, Subscriber } from '../hub/subscriber';

/**
 * Why a stream ended: the closed list, and the only one. A new reason is added here, with the place that calls `end` (the
 * client gets all that was written, then `gateway.retry`) or `destroy` (the socket is dropped) with it.
 */
export const CLOSE_REASONS = [
  /** The client closed the connection, or it broke: the socket's `close`, below. */
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
  /** A fault while it began (stream-opening.ts). */
  'error',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** What all streams have in common. */
export interface SseStreamDeps {
  /** Unsent bytes after which the stream is to be left alone until it has drained. */
  readonly maxBufferBytes: number;
  /** For how long a connection whose stream has ended may take nothing, or stay open. */
  readonly lingerMs: number;
  /** The text that ends a stream: why, and when to come back. */
  readonly retryText: (stream: SseStream, reason: CloseReason, positions: Positions | null) => string;
  /** The text that tells a client that it has all of its past. */
  readonly caughtUpText: (stream: SseStream, positions: Positions, replayed: number) => string;
  /** All unsent bytes are with the kernel again. */
  readonly onDrained: (stream: SseStream) => void;
  /** Once, as soon as the stream takes no more events, for whatever reason. */
  readonly onClose: (stream: SseStream, reason: CloseReason) => void;
}

export interface SseStreamOptions {
  readonly socket: Socket;
  readonly origin: StreamOrigin;
  /** As its subscription has them. */
  readonly channels: readonly string[];
  /** True: chunked coding (HTTP/1.1). False: bare bytes until the end of the connection. */
  readonly chunked: boolean;
  /** The id before the data in what only this stream gets, as its subscription has it. */
  readonly idFirst: boolean;
  /** Silence after which it gets a heartbeat. */
  readonly heartbeatMs: number;
}

const LAST_CHUNK = '0\r\n\r\n';

/**
 * One open event stream on its socket: the only place that writes to it once the head is out. Everything it is given
 * is whole events, so an event is never cut by a heartbeat.
 */
export class SseStream implements Sink {
  readonly openedAtMs = Date.now();
  readonly origin: StreamOrigin;
  readonly channels: readonly string[];
  readonly idFirst: boolean;
  readonly heartbeatMs: number;
  /** Null until it is known where the stream begins. */
  subscriber: Subscriber | null = null;
  /** While blocked: what the handle still had to hand on, and since when that has not changed. */
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
        this.#deps.onDrained(this);
      });
    }
    return false;
  }

  /** What only this stream gets. */
  writeText(text: string): boolean {
    return this.#send(this.#framed(text));
  }

  endReplay(positions: Positions): void {
    this.end('replay-limit', positions);
  }

  caughtUp(positions: Positions, replayed: number): void {
    this.writeText(this.#deps.caughtUpText(this, positions, replayed));
  }

  /** When it was written to last. */
  get writtenAtMs(): number {
    return Math.max(this.#ownWriteAtMs, this.subscriber?.served?.atMs ?? 0);
  }

  /** A write of the stream's own in its silence. */
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
   * What the socket's handle still has to hand to the kernel. It goes down whenever the client takes anything, while
   * `bufferedBytes` stands still as long as one large write drains.
   */
  get queuedBytes(): number {
    const { _handle: handle } = this.#socket as Socket & { _handle?: { writeQueueSize?: number } | null };
    return handle?.writeQueueSize ?? 0;
  }

  /**
   * Ends after the last whole event; the client gets all that was written, with a reconnect time of its own.
   * @param positions where it goes on when that is further than its last id; null: after that
   */
  end(reason: CloseReason, positions: Positions | null = null): void {
    this.#close(reason);
    const retry = this.#framed(this.#deps.retryText(this, reason, positions));
    this.#socket.end(this.#chunked ? retry + LAST_CHUNK : retry);
    // No longer among the streams that are looked at for slowness.
    this.#socket.setTimeout(this.#deps.lingerMs, () => this.#socket.destroy());
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
  }
}

/** The head's two lines that each document of the contract wants in its own form. */
export interface StreamKind {
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

/** The head of the answer that a stream is. */
export interface StreamHead {
  readonly text: string;
  /** What follows it is chunked. */
  readonly chunked: boolean;
}

/**
 * Written by hand: the stream is written to the socket directly, so the answer's own machinery must not be in use.
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

/** Who opened a stream and how: what an operator wants to see of it. */
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

/** A part of a string refers to the whole of it, which would stay in memory too. Heads are latin1. */
function ownCopy(text: string): string {
  return Buffer.from(text.slice(0, MAX_TEXT_LENGTH), 'latin1').toString('latin1');
}

export interface RetryTimeOptions {
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** A reconnect time, another one each time: who was sent away together is not to come back together. */
export type RetryTime = () => number;

export function createRetryTime({ retryMinMs, retryMaxMs }: RetryTimeOptions): RetryTime {
  return () => retryMinMs + Math.floor(Math.random() * (retryMaxMs - retryMinMs + 1));
}
