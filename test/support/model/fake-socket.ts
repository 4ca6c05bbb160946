import { EventEmitter } from 'node:events';

/**
 * The socket of a stream, with a client that reads as the test wants. Behaves like `net.Socket` for its writer: `write`
 * returns false until the buffer is empty, then `drain`; `close` once.
 */
export class FakeSocket extends EventEmitter {
  destroyed = false;
  /** The client reads nothing while this is true. */
  isStalled = false;
  readonly #onBytes: (bytes: Buffer) => void;
  #held = Buffer.alloc(0);
  #needsDrain = false;
  #isEnded = false;

  constructor(onBytes: (bytes: Buffer) => void) {
    super();
    this.#onBytes = onBytes;
  }

  get writableLength(): number {
    return this.#held.length;
  }

  write(part: Buffer | string): boolean {
    const bytes = Buffer.from(part as string);
    if (this.destroyed || this.#isEnded) return false;
    if (!this.isStalled) {
      this.#onBytes(bytes);
      return true;
    }
    this.#held = Buffer.concat([this.#held, bytes]);
    this.#needsDrain = true;
    return false;
  }

  end(last: string): void {
    this.write(last);
    this.#isEnded = true;
    if (this.#held.length === 0) this.destroy();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  /** For connections that stay open after their stream, which no model does. */
  setTimeout(): void {
    return;
  }

  /** The client reads up to `count` bytes of the buffer. */
  take(count: number): void {
    this.#onBytes(this.#held.subarray(0, count));
    this.#held = this.#held.subarray(count);
    if (this.#held.length > 0) return;
    if (this.#isEnded) this.destroy();
    else if (this.#needsDrain) {
      this.#needsDrain = false;
      this.emit('drain');
    }
  }

  /** The client reads everything from now on. */
  flow(): void {
    this.isStalled = false;
    this.take(this.#held.length);
  }
}
