import type { Audience } from './audience';
import type { Chunk } from './chunk';

/** What the hub needs of a stream. */
export interface Sink {
  /** Hands bytes over, in order. False when the sink now holds more than its limit and must be left to drain. */
  write(chunk: Chunk): boolean;
  /** The ring has gone over records that this stream still has to get. The sink ends; it is not written to again. */
  outrun(): void;
}

/** The moment of a write. Shared by all that were served together, so that it costs a stream one reference. */
export interface WriteMark {
  readonly atMs: number;
}

/**
 * A stream as the hub sees it.
 * - `live`: a member of its audience, without a position of its own;
 * - `private`: fed alone from the ring, from its own position `seq` on;
 * - `gone`: unsubscribed.
 */
export class Subscriber {
  readonly audience: Audience;
  readonly sink: Sink;
  state: 'live' | 'private' | 'gone' = 'private';
  /** While live: place among the members. */
  place = 0;
  /** While private: the next entry to consider. */
  seq: number;
  /** While private: it holds too much unsent; `Hub.drained` ends that. */
  blocked = false;
  /** Waits in the catch-up queue. */
  queued = false;
  /** The pass or write that served it last. */
  served: WriteMark;

  constructor(audience: Audience, sink: Sink, seq: number, opened: WriteMark) {
    this.audience = audience;
    this.sink = sink;
    this.seq = seq;
    this.served = opened;
  }
}
