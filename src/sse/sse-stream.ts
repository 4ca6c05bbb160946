import type { Socket } from 'node:net';
import { type Chunk, createChunk } from '../hub/chunk';
import type { Positions } from '../hub/ring';
import type { Sink, Subscriber, WriteMark } from '../hub/subscriber';
import type { StreamOrigin } from './stream-origin';

/** Why a stream ended. */
export type CloseReason = 'client' | 'slow' | 'full' | 'backfill' | 'drain' | 'error';

export interface SseStreamOptions {
  readonly socket: Socket;
  readonly origin: StreamOrigin;
  /** True: chunked coding (HTTP/1.1). False: bare bytes until the end of the connection. */
  readonly chunked: boolean;
  /** Unsent bytes after which the stream is to be left alone until it has drained. */
  readonly maxBufferBytes: number;
  /** A reconnect time, another one each time. */
  readonly retryMs: () => number;
  /** The text that tells a client that it has all of its past. */
  readonly caughtUpText: (positions: Positions, replayed: number) => string;
  /** All unsent bytes are with the kernel again. */
  readonly onDrained: (stream: SseStream) => void;
  /** Once, as soon as the stream takes no more events, for whatever reason. */
  readonly onClose: (stream: SseStream, reason: CloseReason) => void;
}

const LAST_CHUNK = '0\r\n\r\n';

/**
 * One open event stream on its socket: the only place that writes to it once the head is out. Everything it is given
 * is whole events, so an event is never cut by a heartbeat.
 */
export class SseStream implements Sink {
  readonly openedAtMs = Date.now();
  readonly origin: StreamOrigin;
  /** Null until it is known where the stream begins. */
  subscriber: Subscriber | null = null;
  /** While blocked: what the handle still had to hand on, and since when that has not changed. */
  stalled: { readonly queuedBytes: number; readonly sinceMs: number } | null = null;
  /** Heartbeats sent so far: some of them carry an id. */
  heartbeats = 0;
  /** Place in the list of open streams. */
  place = 0;
  readonly #options: SseStreamOptions;
  readonly #socket: Socket;
  readonly #chunked: boolean;
  readonly #maxBufferBytes: number;
  /** The last write before it had a subscriber. */
  #opened: WriteMark = { atMs: performance.now() };
  #isOpen = true;
  #waitsForDrain = false;

  constructor(options: SseStreamOptions) {
    this.#options = options;
    this.origin = options.origin;
    this.#socket = options.socket;
    this.#chunked = options.chunked;
    this.#maxBufferBytes = options.maxBufferBytes;
    options.socket.once('close', () => this.#close('client'));
  }

  /** The head of the answer and the first bytes of the stream, in one write. */
  open(head: string, first: string): void {
    const chunk = textChunk(first);
    this.#socket.write(
      Buffer.concat([Buffer.from(head, 'latin1'), this.#chunked ? chunk.framed : chunk.bare]),
    );
  }

  write(chunk: Chunk): boolean {
    const socket = this.#socket;
    if (
      socket.write(this.#chunked ? chunk.framed : chunk.bare) ||
      socket.writableLength <= this.#maxBufferBytes
    )
      return true;
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true;
      socket.once('drain', () => {
        this.#waitsForDrain = false;
        this.stalled = null;
        this.#options.onDrained(this);
      });
    }
    return false;
  }

  /** What only this stream gets. */
  writeText(text: string): boolean {
    return this.write(textChunk(text));
  }

  comeBack(): void {
    this.end('backfill');
  }

  caughtUp(positions: Positions, replayed: number): void {
    this.writeText(this.#options.caughtUpText(positions, replayed));
  }

  /** When it was written to last. */
  get writtenAtMs(): number {
    return (this.subscriber?.served ?? this.#opened).atMs;
  }

  /** What only this stream gets in its silence. */
  beat(text: string, nowMs: number): void {
    const mark = { atMs: nowMs };
    if (this.subscriber === null) this.#opened = mark;
    else this.subscriber.served = mark;
    this.writeText(text);
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

  /** Ends after the last whole event; the client gets all that was written, with a reconnect time of its own. */
  end(reason: CloseReason): void {
    this.#close(reason);
    this.writeText(`retry: ${this.#options.retryMs()}\n\n`);
    this.#socket.end(this.#chunked ? LAST_CHUNK : '');
  }

  /** Drops the connection and what was not sent. */
  destroy(reason: CloseReason): void {
    this.#close(reason);
    this.#socket.destroy();
  }

  #close(reason: CloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.onClose(this, reason);
  }
}

function textChunk(text: string): Chunk {
  const bytes = Buffer.from(text);
  return createChunk([bytes], bytes.length);
}
