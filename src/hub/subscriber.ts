import type { Audience } from './audience';
import type { Chunk } from './chunk';
import type { Positions } from './positions';
import type { ReplaySpending } from './replay';
import type { Slots } from './ring';

/** What the hub needs of a stream. */
export interface Sink {
  /** Hands bytes over, in order. False when the socket is full: nothing more is written until it is writable. */
  write(chunk: Chunk): boolean;
  /**
   * The stream has replayed as much history as one stream may, and ends. The client resumes on a new connection after
   * `positions`, which may be further than its last event.
   */
  endReplay(positions: Positions): void;
  /** Once, for a stream that resumed: it has caught up, and `replayed` records were sent. */
  caughtUp(positions: Positions, replayed: number): void;
  /** It threw, so it gets nothing more: its client must not wait on a stream that looks alive. */
  failed(): void;
}

/** The moment of a write. Shared by all that were served together, so that it costs a stream one reference. */
export interface WriteMark {
  readonly atMs: number;
}

/** Events that were written together, to one stream or to many. */
export interface Delivery extends WriteMark {
  readonly events: number;
  /** Of these, how many are records of the event log; the others are the gateway's own events. */
  readonly records: number;
}

/** Where a stream begins. */
export type Start =
  /** At what comes next. */
  | { readonly at: 'head' }
  /** After what the client has: the offset of the next record in each slot. */
  | { readonly at: 'floor'; readonly floor: Positions };

/** Served alone, from the ring. */
export interface RingPlace {
  readonly in: 'ring';
  /** The next entry to look at. */
  seq: number;
  /** Positions before that entry. */
  positions: Positions;
  /**
   * What the client has already. Entries below are not for it, and its ids never fall behind it. Null once `positions`
   * can stand for it.
   */
  floor: Positions | null;
  /** Slots that are left out because their history cannot be read at the moment. */
  heldBack: Slots | null;
}

/** Served alone, from history: the ring does not reach back to its floor. */
export interface HistoryPlace {
  readonly in: 'history';
  floor: Positions;
  heldBack: Slots | null;
}

export type Place = RingPlace | HistoryPlace;

/**
 * What a stream is doing. Metrics, the admin page and the documents use the same names.
 * - `live`: a member of its audience, without a place of its own;
 * - `replaying`: is sent history, or waits until it has been read;
 * - `catching-up`: is sent entries of the ring;
 * - `joining`: has caught up, and becomes live between two passes;
 * - `ahead`: its client has more than this gateway has read, for which it waits;
 * - `slow`: its socket is full, and it waits until that is writable;
 * - `closed`: unsubscribed.
 */
export type Phase =
  | { readonly name: 'live' }
  | { readonly name: 'closed' }
  | { readonly name: 'replaying'; readonly place: HistoryPlace }
  | { readonly name: 'catching-up' | 'joining' | 'ahead'; readonly place: RingPlace }
  | { readonly name: 'slow'; readonly place: Place };

/** A stream as the hub sees it. */
export class Subscriber {
  readonly audience: Audience;
  readonly sink: Sink;
  /** Changed by the audience's `CatchUp` only. */
  phase: Phase;
  /** While live: index among the members. The audience's own mark. */
  index = 0;
  /** In the queue of those that are served alone. The scheduler's own mark. */
  isQueued = false;
  /** Records sent since it resumed, until it is live; null for a stream that began with what comes next. */
  replayed: number | null;
  /** How much history it has been sent since it was live last; null: none. */
  spending: ReplaySpending | null = null;
  /** The pass, or the write to it alone, that served it last. */
  served: WriteMark | null = null;
  /**
   * Events sent: while served alone their number, while live that number less the events that had passed its audience
   * when it joined. So a pass counts for all members without touching one; `Audience.sentTo` adds them.
   */
  sent = 0;

  constructor(audience: Audience, sink: Sink, place: Place) {
    this.audience = audience;
    this.sink = sink;
    this.phase = phaseAt(place);
    this.replayed = place.in === 'history' ? 0 : null;
  }

  /** Null while it is live, and once it is closed. */
  get place(): Place | null {
    return this.phase.name === 'live' || this.phase.name === 'closed' ? null : this.phase.place;
  }
}

/** The phase of a stream that has something to be sent. */
export function phaseAt(place: Place): Phase {
  return place.in === 'ring' ? { name: 'catching-up', place } : { name: 'replaying', place };
}
