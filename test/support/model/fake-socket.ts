import { EventEmitter } from 'node:events';

/**
 * The far side of a stream: what a client takes of it, byte by byte. Behaves as `net.Socket` does for its writer:
 * false from `write` until all it held is gone, then `drain`; `close` once.
 */
export class FakeSocket extends EventEmitter {
  destroyed = false;
  /** The client takes nothing while this is true. */
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

  /** Only for connections that stay open after their stream: no model runs as long. */
  setTimeout(): void {
    return;
  }

  /** The client takes so many bytes of what is held. */
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

  /** The client takes everything from now on. */
  flow(): void {
    this.isStalled = false;
    this.take(this.#held.length);
  }
}
