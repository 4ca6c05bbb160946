import type { Frame } from '../wire/frame';
import type { Candidates } from './channel-index';
import { type Chunk, createChunk } from './chunk';
import type { Positions } from './positions';
import type { Ring, RingEntry, Slots } from './ring';
import type { Delivery } from './subscriber';
import { type Subscription, wantsCandidate } from './subscription';

/** Entries in the order in which a stream gets them: of the ring, or of a chunk of history. */
export interface SliceSource {
  /** Streams of one subscription that read the same `key` from the same place share the slice. */
  readonly key: object;
  /** The slice is of the entries `start` ≤ i < `stop`. */
  readonly start: number;
  readonly stop: number;
  /** What the client has already; null: nothing of these entries. */
  readonly floor: Positions | null;
  /** Slots of the floor of which the stream gets nothing for now. */
  readonly heldBack: Slots | null;
  at(i: number): RingEntry;
  /** The entries that may be for the subscription: the slice looks at no others. */
  candidates(subscription: Subscription): Candidates;
  /** False for an entry that is not to be delivered, or that the client has. */
  isDue(i: number): boolean;
  /** What the stream has been served after the entry; null when it is what the ring has after it. */
  ownPositionsAfter(i: number): Positions | null;
}

/** Entries that a stream which is served alone is given in one write. */
export interface Slice {
  /** The next entry to look at. */
  readonly end: number;
  /** True when a loss of records or a new topic is among what it announces. */
  readonly announcesReset: boolean;
  /** Null when none of the entries is for the stream. */
  readonly chunk: Chunk | null;
  /** Apart from the chunk, so that a stream which keeps it does not keep the bytes. */
  readonly delivery: Delivery;
}

export interface SliceOptions {
  readonly ring: Ring;
  /** Bytes that one slice gathers at most, unless a single event is larger. */
  readonly sliceBytes: number;
  /** The entry with its envelope, for subscriptions that want to see where an event comes from. */
  readonly withMeta: (entry: RingEntry) => Frame;
  /** The `id:` line of a subscription for positions that no frame in the ring has. */
  readonly idLine: (subscription: Subscription, positions: Positions) => Buffer;
  /** The `id:` line that an entry of the ring needs for a subscription; null when its own frame has it. */
  readonly lineInstead: (subscription: Subscription, entry: RingEntry) => Buffer | null;
}

interface SharedSlice {
  readonly subscription: Subscription;
  readonly source: Pick<SliceSource, 'start' | 'floor' | 'heldBack'>;
  readonly slice: Slice;
}

/** Candidates that one slice looks at: bounds the work for a subscription that wants few of them. */
const SLICE_CANDIDATES = 4_096;

const BLANK_LINE = Buffer.from('\n');

/**
 * Makes the slices of the streams that are served alone. The last slice of each source is kept: streams that resume
 * together ask for the same one after the other.
 */
export class Slices {
  readonly #options: SliceOptions;
  readonly #last = new WeakMap<object, SharedSlice>();

  constructor(options: SliceOptions) {
    this.#options = options;
  }

  of(subscription: Subscription, source: SliceSource): Slice {
    const last = this.#last.get(source.key);
    if (last?.subscription === subscription && isSamePlace(last.source, source)) return last.slice;
    const slice = this.#make(subscription, source);
    const { start, floor, heldBack } = source;
    this.#last.set(source.key, { subscription, source: { start, floor, heldBack }, slice });
    return slice;
  }

  forget(key: object): void {
    this.#last.delete(key);
  }

  #make(subscription: Subscription, source: SliceSource): Slice {
    const { sliceBytes, idLine, lineInstead } = this.#options;
    const { start, stop } = source;
    const candidates = source.candidates(subscription);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let events = 0;
    let records = 0;
    let announcesReset = false;
    let end = candidates.next(start);
    for (let seen = 0; end < stop && seen < SLICE_CANDIDATES; end = candidates.next(end + 1)) {
      seen++;
      const entry = source.at(end);
      if (!wantsCandidate(subscription, entry) || !source.isDue(end)) continue;
      const frame = this.#frameOf(entry, subscription, source.floor);
      if (events > 0 && bytes + frame.bytes.length > sliceBytes) break;
      events++;
      if (entry.channel !== null) records++;
      if (entry.slot === null) announcesReset = true;
      const own = source.ownPositionsAfter(end);
      const id = own === null ? lineInstead(subscription, entry) : idLine(subscription, own);
      bytes += addFrame(parts, subscription, frame, id);
    }
    // Nothing from there to the end is for it.
    if (end > stop) end = stop;
    const chunk = events === 0 ? null : createChunk(parts, bytes);
    return { end, announcesReset, chunk, delivery: { atMs: performance.now(), events, records } };
  }

  #frameOf(entry: RingEntry, { meta }: Subscription, floor: Positions | null): Frame {
    const { slot, frameFrom } = entry;
    // A gap begins where the client's own records end, which may be within it.
    if (floor !== null && slot !== null && frameFrom !== null)
      return frameFrom(this.#options.ring.positionIn(floor, slot));
    return meta ? this.#options.withMeta(entry) : entry;
  }
}

/**
 * Adds an event to the parts of a write, with its id where the subscription wants it.
 * @param ownId an `id:` line instead of the frame's; null: the frame's own
 * @returns how many bytes it is
 */
export function addFrame(
  parts: Uint8Array[],
  { idFirst }: Pick<Subscription, 'idFirst'>,
  { bytes, bodyEnd }: Frame,
  ownId: Buffer | null,
): number {
  if (ownId === null && !idFirst) {
    parts.push(bytes);
    return bytes.length;
  }
  const body = bytes.subarray(0, bodyEnd);
  const id = ownId ?? bytes.subarray(bodyEnd, bytes.length - BLANK_LINE.length);
  if (idFirst) parts.push(id, body, BLANK_LINE);
  else parts.push(body, id, BLANK_LINE);
  return body.length + id.length + BLANK_LINE.length;
}

/** Streams that resume with the same id have equal floors, each its own. */
function isSamePlace(a: SharedSlice['source'], b: SharedSlice['source']): boolean {
  return a.start === b.start && sameFloor(a.floor, b.floor) && sameSlots(a.heldBack, b.heldBack);
}

function sameFloor(a: Positions | null, b: Positions | null): boolean {
  if (a === null || b === null) return a === b;
  return a === b || a.equals(b);
}

function sameSlots(a: Slots | null, b: Slots | null): boolean {
  if (a === null || b === null) return a === b;
  return a.size === b.size && [...a].every((slot) => b.has(slot));
}
