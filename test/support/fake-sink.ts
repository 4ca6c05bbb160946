import type { Chunk } from '../../src/hub/chunk';
import type { Sink, Subscriber } from '../../src/hub/subscriber';

/** The far side of the hub: takes bytes, and says it is full when it is told to be. */
export class FakeSink implements Sink {
  readonly texts: string[] = [];
  readonly chunks: Chunk[] = [];
  subscriber: Subscriber | null = null;
  isFull = false;
  isOutrun = false;
  onWrite: (() => void) | null = null;

  write(chunk: Chunk): boolean {
    this.chunks.push(chunk);
    this.texts.push(chunk.bare.toString());
    this.onWrite?.();
    return !this.isFull;
  }

  outrun(): void {
    this.isOutrun = true;
  }

  /** What came, event by event, as the text of each. */
  get events(): string[] {
    return this.texts.flatMap((text) => text.split('\n').filter((part) => part !== ''));
  }
}
