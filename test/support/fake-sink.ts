import type { Chunk } from '../../src/hub/chunk';
import { createEntry, type RingEntry } from '../../src/hub/ring';
import type { Sink, Subscriber } from '../../src/hub/subscriber';

/** The far side of the hub: takes bytes, and says it is full when it is told to be. */
export class FakeSink implements Sink {
  readonly texts: string[] = [];
  readonly chunks: Chunk[] = [];
  subscriber: Subscriber | null = null;
  isFull = false;
  hasFailed = false;
  /** What `caughtUp` was called with. */
  readonly replayed: number[] = [];
  onWrite: (() => void) | null = null;

  write(chunk: Chunk): boolean {
    this.chunks.push(chunk);
    this.texts.push(chunk.bare.toString());
    this.onWrite?.();
    return !this.isFull;
  }

  endReplay(): void {
    throw new Error('nothing here gives a stream what is older than the ring');
  }

  failed(): void {
    this.hasFailed = true;
  }

  caughtUp(_positions: unknown, replayed: number): void {
    this.replayed.push(replayed);
  }

  /** What came, event by event, as the text of each. */
  get events(): string[] {
    return this.texts.flatMap((text) => text.split('\n').filter((part) => part !== ''));
  }
}

/** An entry whose bytes are one line of text. */
export function entryOf(
  channel: string | null,
  text: string,
  slot: number | null = 0,
  scope: string | null = null,
): RingEntry {
  const bytes = Buffer.from(`${text}\n`);
  const isOwn = channel === null;
  return createEntry({ bytes, bodyEnd: bytes.length - 1 }, { channel, scope, event: null, isOwn }, slot);
}
