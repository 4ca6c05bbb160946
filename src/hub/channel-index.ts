import { ROOT_CHANNEL } from '../wire/channel';
import type { Addressed } from './ring';
import type { Subscription } from './subscription';

/** Heap that a list takes besides its channel, and one place in it, as bench/ measured them. */
const LIST_BYTES = 180;
const PLACE_BYTES = 16;
/** Dropped places after which a list may be copied without them. */
const MIN_DROPPED = 32;

/** Ascending places. The first ones can be dropped; that costs the same for any number of them. */
class Places {
  #places: number[] = [];
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#dropped === this.#places.length;
  }

  push(place: number): void {
    // A literal has room for one: many channels have one entry only.
    if (this.#places.length === 0) this.#places = [place];
    else this.#places.push(place);
  }

  dropFirst(): void {
    this.#dropped++;
    if (this.#dropped < MIN_DROPPED || 2 * this.#dropped < this.#places.length) return;
    this.#places = this.#places.slice(this.#dropped);
    this.#dropped = 0;
  }

  /** Infinity after the last one. */
  at(i: number): number {
    return this.#places[i] ?? Number.POSITIVE_INFINITY;
  }

  /** Where the first place is that is not before `place`; none is before `low`. */
  indexOf(place: number, low = this.#dropped): number {
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#places[middle]! < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A channel and those above it without the root, each once for all entries that are on it. */
export interface ChannelPath {
  readonly channel: string;
  readonly above: ChannelPath | null;
}

/** The places of the entries on a channel or below it. */
class ChannelPlaces extends Places implements ChannelPath {
  readonly channel: string;
  /** Null: the channel above is the root. */
  readonly above: ChannelPlaces | null;

  constructor(channel: string, above: ChannelPlaces | null) {
    super();
    this.channel = channel;
    this.above = above;
  }

  get bytes(): number {
    return LIST_BYTES + this.channel.length;
  }
}

/** The entries that a subscription may want, in their order. Of use until the index changes. */
export interface Candidates {
  /** The first place from `from` on, which never goes back; Infinity when there is none. */
  next(from: number): number;
}

/** For subscriptions of all channels. */
const ALL: Candidates = { next: (from) => from };

/**
 * Finds the entries that are for a subscription, without a look at those in between. Entries have ascending places: the
 * ring's `seq`, or their number in a chunk of history. The root needs no list, since all entries are below it.
 */
export class ChannelIndex {
  readonly #lists = new Map<string, ChannelPlaces>();
  /** Entries without a channel, which may be for any subscription. */
  #unaddressed = new Places();
  #bytes = 0;

  /** Channels that have entries, and those above them, without the root. */
  get channels(): number {
    return this.#lists.size;
  }

  /** Heap that it takes, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an entry after all others. Answers where it is; null: on the root, or without a channel. */
  add(place: number, { channel }: Pick<Addressed, 'channel'>): ChannelPath | null {
    if (channel === null) {
      this.#unaddressed.push(place);
      this.#bytes += PLACE_BYTES;
      return null;
    }
    const path = this.#listOf(channel);
    for (let list = path; list !== null; list = list.above) {
      list.push(place);
      this.#bytes += PLACE_BYTES;
    }
    return path;
  }

  /** Forgets the first entry. */
  dropFirst({ channel }: Pick<Addressed, 'channel'>): void {
    if (channel === null) {
      this.#unaddressed.dropFirst();
      this.#bytes -= PLACE_BYTES;
      return;
    }
    for (let list = this.#lists.get(channel) ?? null; list !== null; list = list.above) {
      list.dropFirst();
      this.#bytes -= PLACE_BYTES;
      if (!list.isEmpty) continue;
      this.#lists.delete(list.channel);
      this.#bytes -= list.bytes;
    }
  }

  clear(): void {
    this.#lists.clear();
    this.#unaddressed = new Places();
    this.#bytes = 0;
  }

  candidates({ channels }: Pick<Subscription, 'channels'>): Candidates {
    if (channels[0] === ROOT_CHANNEL) return ALL;
    const lists: Places[] = [this.#unaddressed];
    for (const channel of channels) {
      const list = this.#lists.get(channel);
      if (list !== undefined) lists.push(list);
    }
    return lists.length === 1 && this.#unaddressed.isEmpty ? NONE : candidatesIn(lists);
  }

  /** Null for the root. */
  #listOf(channel: string): ChannelPlaces | null {
    if (channel === ROOT_CHANNEL) return null;
    const known = this.#lists.get(channel);
    if (known !== undefined) return known;
    const end = channel.lastIndexOf('/');
    const list = new ChannelPlaces(channel, end === 0 ? null : this.#listOf(channel.slice(0, end)));
    this.#lists.set(channel, list);
    this.#bytes += list.bytes;
    return list;
  }
}

const NONE: Candidates = { next: () => Number.POSITIVE_INFINITY };

/** Remembers how far it is in each list, so that the next candidate of many channels is one comparison for each. */
function candidatesIn(lists: readonly Places[]): Candidates {
  let indexes: number[] | null = null;
  return {
    next(from) {
      indexes ??= lists.map((list) => list.indexOf(from));
      let first = Number.POSITIVE_INFINITY;
      for (let i = 0; i < lists.length; i++) {
        const list = lists[i]!;
        let index = indexes[i]!;
        // Mostly `from` follows the candidate before, so that it is one step.
        if (list.at(index) < from && list.at(++index) < from) index = list.indexOf(from, index);
        indexes[i] = index;
        const place = list.at(index);
        if (place < first) first = place;
      }
      return first;
    },
  };
}
