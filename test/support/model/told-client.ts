import type { SseStream } from '../../../src/sse/sse-stream';
import { parseCursor, topicDigest } from '../../../src/wire/cursor';
import { createFrameDecoder } from '../../../src/wire/frame-decoder';
import { timeOf } from '../../../src/wire/since-time';
import { type ArrayLog, TOPICS } from './array-log';
import { FakeSocket } from './fake-socket';
import type { ModelGateway } from './model-gateway';

/** What an id says about one partition of the list. */
interface Place {
  /** Which topic of this name: 0 is the first that was created. */
  readonly incarnation: number;
  readonly offset: number | null;
  readonly timeMs: number | null;
  readonly epoch: number;
}

/** What a client has received of one partition, over all its streams. */
interface Had {
  /** From where on it must receive the topic as it is now: an offset, or a time. */
  from: Pick<Place, 'offset' | 'timeMs'>;
  /** Texts of the records received, without those that a reset took back. */
  readonly given: Set<string>;
}

/**
 * A client that may want other channels at each connect, on an event log whose topics are created again, whose partitions are truncated, and whose
 * leaders do not answer. It always resumes from its last id. Faults are: a record twice or out of order; an id that goes
 * back, or names another topic, without a `gateway.reset` of that topic; a received record that the log has lost,
 * without one; an id that names less or more than its channels can see; a topic that begins now, because the id was of
 * other channels, without a `gateway.reset`; and in the end any record that is missing.
 */
export class ToldClient {
  id: string | null = null;
  socket: FakeSocket | null = null;
  stream: SseStream | null = null;
  gateway: ModelGateway | null = null;
  resets = 0;
  widened = 0;
  /** Wanted when it connects next. */
  channel = '/';
  /** Of its stream. */
  #channel = '/';
  readonly #name: string;
  readonly #log: ArrayLog;
  /** By topic, its base channel. */
  readonly #bases: readonly string[];
  readonly #faults: string[];
  readonly #had = new Map<number, Had>();
  #places = new Map<number, Place>();
  /** Partitions where a truncation may stay unnoticed, because the id has no epoch. */
  readonly #unseen = new Set<number>();
  /** Partitions that were unreachable when it resumed, or that its id has no epoch of. */
  readonly #unjudged = new Set<number>();
  /** Partitions that its id does not name although it can see them now. */
  readonly #toBeTold = new Set<number>();
  #lives = 0;
  #asked: string | null = null;
  /** Where the ring began when it connected: with `gateway.live` it must have everything before. */
  #due: readonly number[] = [];
  /** The incarnations of the topics that `#due` is about. */
  #dueOf: readonly number[] = [];

  constructor(name: string, log: ArrayLog, bases: readonly string[], faults: string[]) {
    this.#name = name;
    this.#log = log;
    this.#bases = bases;
    this.#faults = faults;
  }

  get isLive(): boolean {
    return this.stream?.subscriber?.phase.name === 'live' && (this.#asked === null || this.#lives === 1);
  }

  /** It has received everything. */
  get isDone(): boolean {
    // With an offset past the end of the log it waits until the log has grown past it.
    return (this.isLive || this.#unseen.size > 0) && this.missing().length === 0;
  }

  connect(gateway: ModelGateway): void {
    const { id } = this;
    this.gateway = gateway;
    this.#asked = id;
    this.#channel = this.channel;
    this.#toBeTold.clear();
    for (const flat of this.#log.partitions.keys())
      if (id !== null && this.#sees(flat) && !this.#places.has(flat)) this.#toBeTold.add(flat);
    this.#lives = 0;
    this.#due = this.#oldestIn(gateway);
    this.#dueOf = this.#log.partitions.map(({ topic, number }) => {
      const slots = gateway.ids.layout()?.slots;
      const slot = slots?.find(topic, number) ?? null;
      if (slot === null) return -1;
      return this.#log.topicIdsOf(topic).map(topicDigest).indexOf(slots!.partitionOf(slot).digest);
    });
    this.#unjudged.clear();
    for (const [flat, { epoch }] of this.#places) {
      const { isDown } = this.#log.partitions[flat]!;
      if (epoch < 0 || isDown || gateway.log.positions[flat] === undefined) this.#cannotBeJudged(flat);
    }
    let pendingId: string | null = null;
    const decoder = createFrameDecoder({
      onId: (found) => {
        pendingId = found;
      },
      onEvent: ({ event, data }) => {
        const own = pendingId;
        pendingId = null;
        this.#event(own, event, data);
      },
    });
    let head = '';
    const socket = new FakeSocket((bytes) => {
      const text = bytes.toString();
      if (head.endsWith('\r\n\r\n')) decoder.push(text);
      else {
        const all = head + text;
        const end = all.indexOf('\r\n\r\n');
        head = end < 0 ? all : all.slice(0, end + 4);
        if (end >= 0) decoder.push(all.slice(end + 4));
      }
    });
    this.socket = socket;
    this.stream = gateway.connect(socket, `/events?channel=${this.#channel}`, id);
  }

  leave(taken = 0): void {
    if (this.socket !== null && !this.socket.destroyed) this.socket.take(taken);
    this.socket?.destroy();
    this.socket = null;
    this.stream = null;
    this.gateway = null;
  }

  /** A partition lost its records from `to` on. */
  lost(flat: number, to: number): void {
    if (this.gateway === null || this.offsetIn(flat) <= to) return;
    const read = this.gateway.log.positions[flat];
    // A stream ahead of its gateway was checked when it connected; the gateway does not notice a loss it has not read up to.
    if (read === undefined || read <= to || this.#unjudged.has(flat)) this.#unseen.add(flat);
  }

  /** The leader of a partition stopped: while the id is being checked, that partition cannot be. */
  wentDown(flat: number): void {
    if (this.gateway !== null && !this.isLive) this.#cannotBeJudged(flat);
  }

  /** The offset of its last id in a partition. */
  offsetIn(flat: number): number {
    return this.#places.get(flat)?.offset ?? 0;
  }

  missing(): string[] {
    const missing: string[] = [];
    for (const [flat, { entries }] of this.#log.partitions.entries()) {
      const had = this.#had.get(flat);
      if (had === undefined || this.#unseen.has(flat) || !this.#sees(flat)) continue;
      const from = this.#offsetOf(flat, had.from);
      const now = new Set(entries.map(({ text }) => text));
      for (const { text, kind } of entries.slice(from))
        if (kind === 'record' && !had.given.has(text)) missing.push(`missed ${text}`);
      for (const text of had.given) if (!now.has(text)) missing.push(`was not told that ${text} is gone`);
    }
    return missing;
  }

  toString(): string {
    const places = [...this.#places].map(([flat, { offset, timeMs }]) => `${flat}@${offset ?? `t${timeMs}`}`);
    return `${this.#name} ${places.join()} ${this.stream?.subscriber?.phase.name} ${this.#lives} live`;
  }

  #fault(what: string): void {
    this.#faults.push(`${this.#name}: ${what}`);
  }

  #event(id: string | null, event: string, data: string): void {
    if (event === 'gateway.reset') this.#reset(id!, JSON.parse(data));
    else if (event === 'message') this.#record(id!, data);
    else if (event === 'gateway.live') this.#live(id!);
    else if (event === 'gateway.gap') this.#fault(`${event} ${data}`);
    else if (id !== null) this.#moveTo(id, event);
  }

  #record(id: string, text: string): void {
    const [flat, offset] = text.split(':').map(Number) as [number, number];
    const place = this.#places.get(flat);
    if (place?.offset !== undefined && place.offset !== null && offset < place.offset)
      this.#fault(`${text} came again or late, at ${place.offset}`);
    this.#moveTo(id, text, { flat, offset });
    const had = this.#hadOf(flat);
    if (had.given.has(text)) this.#fault(`got ${text} twice`);
    had.given.add(text);
  }

  #live(id: string): void {
    this.#lives++;
    this.#moveTo(id, 'gateway.live');
    for (const [flat, { entries, truncations }] of this.#log.partitions.entries()) {
      const place = this.#places.get(flat);
      const due = Math.min(this.#due[flat] ?? 0, entries.length);
      if (place === undefined || this.#unseen.has(flat) || place.timeMs !== null) continue;
      if (truncations.some(({ to }) => to < due) || this.#dueOf[flat] !== place.incarnation) continue;
      if (place.incarnation === this.#incarnationNow(flat) && place.offset! < due && this.#asked !== null)
        this.#fault(
          `is live at ${place.offset} of ${flat}, without what is older than the ring, up to ${due}`,
        );
    }
  }

  #reset(id: string, { reason, topics }: { reason: string; topics: readonly string[] }): void {
    this.resets++;
    if (reason === 'channels') this.widened++;
    for (const [flat, { topic }] of this.#log.partitions.entries()) {
      if (!topics.includes(topic)) continue;
      const before = this.#places.get(flat);
      const place = this.#placesOf(id).get(flat);
      if (place === undefined) continue;
      this.#toBeTold.delete(flat);
      const had = this.#hadOf(flat);
      if (before === undefined || before.incarnation !== place.incarnation) {
        had.given.clear();
        had.from = place;
        this.#unseen.delete(flat);
      } else if (before.offset !== null && place.offset !== null && place.offset < before.offset) {
        for (const text of had.given) if (Number(text.split(':')[1]) >= place.offset) had.given.delete(text);
        if (had.from.offset !== null && had.from.offset > place.offset) had.from = place;
      }
      this.#places.set(flat, place);
    }
    this.#moveTo(id, `gateway.reset of ${topics}`);
  }

  /** Checks that a new id covers exactly the last one and what was sent since. */
  #moveTo(id: string, what: string, sent?: { readonly flat: number; readonly offset: number }): void {
    this.id = id;
    const places = this.#placesOf(id);
    for (const [flat, place] of places) {
      const before = this.#places.get(flat);
      if (!this.#sees(flat)) this.#fault(`the id of ${what} names ${flat}, which it cannot see`);
      if (this.#toBeTold.has(flat)) this.#fault(`${flat} begins with ${what}, which does not tell`);
      if (before === undefined) this.#hadOf(flat).from = place;
      else if (before.incarnation !== place.incarnation) {
        this.#fault(`the id of ${what} is of another topic than before, in ${flat}`);
      } else if (!this.#unseen.has(flat)) this.#judgeMove(flat, before, place, what, sent);
    }
    for (const flat of this.#places.keys())
      if (!places.has(flat) && this.#sees(flat)) this.#fault(`the id of ${what} leaves out ${flat}`);
    this.#places = places;
  }

  #judgeMove(
    flat: number,
    before: Place,
    place: Place,
    what: string,
    sent: { readonly flat: number; readonly offset: number } | undefined,
  ): void {
    // An earlier topic of this name is gone: it cannot be compared.
    if (place.incarnation !== this.#incarnationNow(flat)) return;
    // After a truncation, another record may be the first since a time.
    const { entries, truncations } = this.#log.partitions[flat]!;
    if (truncations.length > 0 && (before.timeMs !== null || place.timeMs !== null)) return;
    const from = this.#offsetOf(flat, before);
    const to = this.#offsetOf(flat, place);
    if (to < from) this.#fault(`the id of ${what} goes back in ${flat} from ${from} to ${to}`);
    if (truncations.some((one) => one.to < to)) return;
    const { given } = this.#hadOf(flat);
    for (let offset = from; offset < to; offset++) {
      const entry = entries[offset]!;
      if (sent?.flat === flat && sent.offset === offset) continue;
      if (entry.kind === 'record' && !given.has(entry.text))
        this.#fault(`the id of ${what} covers ${entry.text}`);
    }
  }

  #sees(flat: number): boolean {
    const base = this.#bases[(TOPICS as readonly string[]).indexOf(this.#log.partitions[flat]!.topic)];
    return this.#channel === '/' || this.#channel === base;
  }

  #oldestIn({ ids, hub: { ring } }: ModelGateway): number[] {
    const slots = ids.layout()?.slots;
    const oldest = ring.positionsAt(ring.base);
    return this.#log.partitions.map(({ topic, number }) => {
      const slot = slots?.find(topic, number) ?? null;
      return slot === null ? 0 : Math.max(0, Number(ring.positionIn(oldest, slot)));
    });
  }

  #hadOf(flat: number): Had {
    const had = this.#had.get(flat) ?? { from: { offset: 0, timeMs: null }, given: new Set<string>() };
    this.#had.set(flat, had);
    return had;
  }

  /** Without an epoch a truncation cannot be noticed once the log has grown past the offset again. */
  #cannotBeJudged(flat: number): void {
    this.#unjudged.add(flat);
    const { truncations } = this.#log.partitions[flat]!;
    if (truncations.some(({ to }) => to < this.offsetIn(flat))) this.#unseen.add(flat);
  }

  #offsetOf(flat: number, { offset, timeMs }: Pick<Place, 'offset' | 'timeMs'>): number {
    return offset ?? this.#log.atTime(flat, timeMs!);
  }

  #incarnationNow(flat: number): number {
    return this.#log.topicIdsOf(this.#log.partitions[flat]!.topic).length - 1;
  }

  /** By index into the list of partitions. */
  #placesOf(id: string): Map<number, Place> {
    const places = new Map<number, Place>();
    const { topics } = parseCursor(id)!;
    for (const [flat, { topic, number }] of this.#log.partitions.entries()) {
      const digests = this.#log.topicIdsOf(topic).map(topicDigest);
      for (const { key, positions, epochs } of topics) {
        const incarnation = digests.findIndex((digest) => digest.startsWith(key));
        const position = positions[number];
        if (incarnation < 0 || position === undefined) continue;
        const timeMs = timeOf(position);
        const offset = timeMs === null ? Number(position) : null;
        places.set(flat, { incarnation, offset, timeMs, epoch: epochs[number]! });
      }
    }
    return places;
  }
}
