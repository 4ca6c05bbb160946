import type { CloseReason, SseStream } from './sse-stream';

export interface OpenStreamsStats {
  readonly opened: number;
  readonly closed: Readonly<Record<CloseReason, number>>;
}

/** Is told of each stream. Must not throw. */
export interface OpenStreamsObserver {
  onOpen(stream: SseStream): void;
  onClose(stream: SseStream, reason: CloseReason): void;
}

const NOBODY: OpenStreamsObserver = { onOpen: () => undefined, onClose: () => undefined };

/** All open streams of this process, in no order. */
export class OpenStreams {
  readonly #streams: SseStream[] = [];
  readonly #closed: Record<CloseReason, number> = {
    client: 0,
    slow: 0,
    full: 0,
    'replay-limit': 0,
    drain: 0,
    expired: 0,
    error: 0,
  };
  readonly #observer: OpenStreamsObserver;
  #opened = 0;

  constructor(observer: OpenStreamsObserver = NOBODY) {
    this.#observer = observer;
  }

  get count(): number {
    return this.#streams.length;
  }

  add(stream: SseStream): void {
    this.#opened++;
    stream.place = this.#streams.push(stream) - 1;
    this.#observer.onOpen(stream);
  }

  remove(stream: SseStream, reason: CloseReason): void {
    this.#closed[reason]++;
    const last = this.#streams.pop()!;
    if (last !== stream) {
      this.#streams[stream.place] = last;
      last.place = stream.place;
    }
    this.#observer.onClose(stream, reason);
  }

  /** A copy, so that it can be walked over many turns of the event loop while streams come and go. */
  snapshot(): SseStream[] {
    return [...this.#streams];
  }

  stats(): OpenStreamsStats {
    return { opened: this.#opened, closed: { ...this.#closed } };
  }
}
