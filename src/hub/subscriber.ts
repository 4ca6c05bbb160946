import type { Audience } from './audience';
import type { Chunk } from './chunk';
import type { ReplaySpending } from './replay';
import type { Positions, Slots } from './ring';

/** What the hub needs of a stream. */
export interface Sink {
  /** Hands bytes over, in order. False when the sink now holds more than its limit and must be left to drain. */
  write(chunk: Chunk): boolean;
  /**
   * It has had its share of what is older than the ring, and is to end: its client comes back for the rest, after
   * `positions`, which it may know from no event.
   */
  comeBack(positions: Positions): void;
  /** Once, for a stream that came with a past: it has all of it now, and `replayed` records were given. */
  caughtUp(positions: Positions, replayed: number): void;
}

/** The moment of a write. Shared by all that were served together, so that it costs a stream one reference. */
export interface WriteMark {
  readonly atMs: number;
}

/** Events that were written together, to one stream or to many. */
export interface Delivery extends WriteMark {
  readonly events: number;
  /** Of these, how many stand for records of the log; the others are the gateway's own words to its streams. */
  readonly records: number;
}

/** Where a stream begins. */
export type Start =
  /** At what comes next. */
  | { readonly at: 'head' }
  /** After what it has already: the offset of the next record in each slot. */
  | { readonly at: 'floor'; readonly floor: Positions };

/**
 * A stream as the hub sees it.
 * - `live`: a member of its audience, without a position of its own;
 * - `private`: fed alone, from its own position on;
 * - `gone`: unsubscribed.
 */
export class Subscriber {
  readonly audience: Audience;
  readonly sink: Sink;
  state: 'live' | 'private' | 'gone' = 'private';
  /** While live: place among the members. */
  place = 0;
  /** While private: the next entry to consider; null when the ring does not hold it (yet). */
  seq: number | null;
  /** While private: what it has been given or did not want, as far as the ring told it. */
  covered: Positions;
  /**
   * While private: what the client has already. Entries below are not for it, and its ids never fall behind it. Null
   * once the ring's own positions cover it.
   */
  floor: Positions | null;
  /**
   * While private, with a floor: slots whose past cannot be read at the moment. It goes on in the others, and is given
   * nothing of these until it has been released.
   */
  held: Slots | null = null;
  /** What it has been given of history; null: nothing yet. */
  spending: ReplaySpending | null = null;
  /** While private: it holds too much unsent; `Hub.drained` ends that. */
  blocked = false;
  /** Waits in the catch-up queue. */
  queued = false;
  /** Records given while it had a past to catch up with; null when it has none (any more). */
  replayed: number | null;
  /** The pass or the write of its own that served it last. */
  served: WriteMark | null = null;
  /**
   * Events it was given: while private their number, while live that number less the events that had passed its
   * audience when it joined. So a pass counts for all members without touching one; `Audience.sentTo` adds them.
   */
  sent = 0;

  constructor(audience: Audience, sink: Sink, start: Start, head: number, positions: Positions) {
    this.audience = audience;
    this.sink = sink;
    this.seq = start.at === 'head' ? head : null;
    this.covered = positions;
    this.floor = start.at === 'floor' ? start.floor : null;
    this.replayed = start.at === 'head' ? null : 0;
  }
}
