import type { SseStream } from '../../../src/sse/sse-stream';
import { createFrameDecoder, type FrameDecoder } from '../../../src/wire/frame-decoder';
import { streamFaults } from '../stream-faults';
import type { ArrayLog, LogEntry } from './array-log';
import { FakeSocket } from './fake-socket';
import type { ModelClient } from './model-client';
import type { ModelGateway } from './model-gateway';
import { isFor, type ModelStart, type Offsets, offsetsOf, type Told } from './subscription-model';

/** Events about the stream itself, which may have no id. */
const MAY_HAVE_NO_ID = ['gateway.open', 'gateway.retry', 'gateway.status'];

/** One stream of a client, checked block by block. */
export class Connection {
  readonly socket: FakeSocket;
  readonly gateway: ModelGateway;
  stream: SseStream | null = null;
  readonly #client: ModelClient;
  readonly #log: ArrayLog;
  readonly #decoder: FrameDecoder;
  /** The id that it resumed from. */
  readonly #asked: Offsets | null;
  readonly #start: ModelStart | null;
  /** By partition, up to where everything was sent or reported; without an entry it begins at the gateway's `firstSeen`. */
  #offsets: (number | undefined)[];
  #isOpen = false;
  #head = '';
  #isPastHead = false;
  #pendingId: string | null = null;
  #events = 0;
  /** The beginning of a block whose end has not arrived. */
  #block = '';
  #records = 0;
  #lives = 0;
  /** For `from=-N`: where it should begin; null if the gateway was not ready. */
  readonly #startOfLastN: Offsets | null = null;
  /** Starts of the partitions when it connected, for `from=earliest`. */
  readonly #logStarts: readonly number[];
  readonly #headAtStart: Offsets;

  constructor(
    client: ModelClient,
    log: ArrayLog,
    gateway: ModelGateway,
    id: string | null,
    start: ModelStart | null,
  ) {
    this.#client = client;
    this.#log = log;
    this.gateway = gateway;
    this.#asked = id === null ? null : offsetsOf(id);
    this.#offsets = [...(this.#asked ?? [])];
    this.#start = start;
    this.#logStarts = log.partitions.map(({ logStart }) => logStart);
    this.#headAtStart = gateway.ids.layout() === null ? [] : [...gateway.log.positions];
    if (start?.from === 'last' && gateway.ids.layout() !== null)
      this.#startOfLastN = this.#startOfLast(start.count);
    this.socket = new FakeSocket((bytes) => this.#read(bytes));
    this.#decoder = createFrameDecoder({
      onId: (id_) => {
        if (this.#pendingId !== null) this.#client.fault(`the id ${this.#pendingId} came without data`);
        this.#pendingId = id_;
      },
      onEvent: ({ event, data }) => {
        const id_ = this.#pendingId;
        this.#pendingId = null;
        if ((event === 'gateway.open') !== (this.#events++ === 0))
          this.#client.fault(`${event} is event ${this.#events} of the stream`);
        if (id_ !== null) this.#event(id_, event, data);
        else if (!MAY_HAVE_NO_ID.includes(event))
          this.#client.fault(`an event without an id: ${event} ${data}`);
      },
    });
  }

  /** Everything was sent or reported, and `gateway.live` unless it began now. */
  isDone(): boolean {
    const hasPast = this.#start?.from !== 'now';
    if (!this.#isOpen || (hasPast && this.#lives !== 1)) return false;
    return this.#log.partitions.every(
      ({ entries }, partition) => this.#notSent(partition, entries.length) === null,
    );
  }

  /** To be called after the stream has ended. */
  judge(): void {
    if (this.#lives > (this.#start?.from === 'now' ? 0 : 1)) this.#client.fault(`${this.#lives} times live`);
  }

  toString(): string {
    return `at ${this.#offsets} of ${this.#log.partitions.map(({ entries }) => entries.length)}, ${this.#lives} live`;
  }

  #read(bytes: Buffer): void {
    let text = bytes.toString();
    if (!this.#isPastHead) {
      this.#head += text;
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#isPastHead = true;
      text = this.#head.slice(end + 4);
    }
    this.#judgeBlocks(text);
    this.#decoder.push(text);
  }

  #judgeBlocks(text: string): void {
    const idFirst = this.#client.subscription.isSse;
    const all = this.#block + text;
    const end = all.lastIndexOf('\n\n');
    this.#block = end < 0 ? all : all.slice(end + 2);
    for (const fault of streamFaults(all, { idFirst })) this.#client.fault(fault);
  }

  #opening(offsets: Offsets): void {
    this.#isOpen = true;
    const { firstSeen } = this.gateway.log;
    const expected = this.#asked ?? (this.#start?.from === 'now' ? this.#headAtStart : []);
    for (const [partition, offset] of expected.entries()) {
      if (offsets[partition] !== offset && (offset !== firstSeen[partition] || offsets.length > partition))
        this.#client.fault(`opened at ${offsets} instead of ${expected}`);
    }
    if (this.#start?.from === 'earliest') {
      for (const [partition, { logStart }] of this.#log.partitions.entries()) {
        const offset = offsets[partition];
        const earliest = this.#logStarts[partition] ?? 0;
        if (offset !== undefined && (offset < earliest || offset > logStart))
          this.#client.fault(`earliest was ${offsets}`);
      }
    }
    if (this.#asked === null) {
      this.#offsets = [...offsets];
      this.#client.began(offsets, firstSeen);
    } else this.#client.began(this.#asked, firstSeen);
    for (const [partition, offset] of (this.#startOfLastN ?? []).entries()) {
      if (offset === undefined) continue;
      if (this.#at(partition) > offset || this.#notSent(partition, offset) !== null)
        this.#client.fault(`began at ${offsets} instead of ${this.#startOfLastN}`);
    }
  }

  #event(id: string, event: string, data: string): void {
    if (event === 'gateway.open' || event === 'gateway.position') {
      if (!this.#isOpen) this.#opening(offsetsOf(id));
      this.#advance(id, event);
    } else if (event === 'gateway.gap') this.#gap(id, JSON.parse(data));
    else if (event === 'gateway.live') this.#live(id, JSON.parse(data));
    else if (event === 'gateway.status' || event === 'gateway.retry') this.#advance(id, event);
    else if (event.startsWith('gateway.')) this.#client.fault(`${event} ${data}`);
    else this.#record(id, event, data);
  }

  #record(id: string, event: string, data: string): void {
    const { subscription } = this.#client;
    const text = subscription.meta ? (JSON.parse(data) as { data: string }).data : data;
    const [partition, offset] = text.split(':').map(Number) as [number, number];
    const entry = this.#log.partitions[partition]!.entries[offset]!;
    if (!isFor(subscription, entry)) this.#client.fault(`${text} on ${entry.channel} is not for it`);
    if (event !== (entry.event ?? 'message')) this.#client.fault(`${text} came as ${event}`);
    if (offset < this.#at(partition)) this.#client.fault(`${text} came again or late, at ${this.#offsets}`);
    if (offsetsOf(id)[partition] !== offset + 1) this.#client.fault(`${text} has the id ${offsetsOf(id)}`);
    this.#client.got(partition, offset);
    this.#records++;
    this.#advance(id, text, { partition, from: offset, to: offset + 1 });
  }

  #gap(
    id: string,
    gap: { partition: number; requested: string; available: string; lost: number; reason: string },
  ) {
    const { partition, reason } = gap;
    const [from, to] = [Number(gap.requested), Number(gap.available)];
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#client.began(this.#asked!, this.gateway.log.firstSeen);
    }
    const { entries, logStart } = this.#log.partitions[partition]!;
    const what = `gap ${from} to ${to} of ${partition} (${reason})`;
    if (gap.lost !== to - from || to <= from) this.#client.fault(`${what} says ${gap.lost} lost`);
    if (offsetsOf(id)[partition] !== to) this.#client.fault(`${what} has the id ${offsetsOf(id)}`);
    if (from < this.#at(partition)) this.#client.fault(`${what} tells of what was had, at ${this.#offsets}`);
    const isLost = (entry: LogEntry, offset: number) =>
      reason === 'retention' ? offset < logStart : entry.kind === 'bad';
    if (!entries.slice(from, to).every((entry, i) => isLost(entry, from + i)))
      this.#client.fault(`${what} tells of what is there`);
    this.#client.told({ partition, from, to });
    this.#advance(id, what, { partition, from, to });
  }

  #live(id: string, { replayed }: { replayed: number }): void {
    this.#lives++;
    if (replayed !== this.#records)
      this.#client.fault(`${replayed} replayed, but it was given ${this.#records} records`);
    this.#advance(id, 'gateway.live');
  }

  #at(partition: number): number {
    return this.#offsets[partition] ?? this.gateway.log.firstSeen[partition] ?? 0;
  }

  /** The first offset before `to` that was neither sent nor reported, or null. */
  #notSent(partition: number, to: number, now?: Told): number | null {
    const { entries } = this.#log.partitions[partition]!;
    for (let offset = this.#at(partition); offset < to; offset++) {
      const entry = entries[offset]!;
      if (now?.partition === partition && now.from <= offset && offset < now.to) continue;
      if (entry.kind === 'bad' || (entry.kind === 'record' && isFor(this.#client.subscription, entry)))
        return offset;
    }
    return null;
  }

  #advance(id: string, what: string, now?: Told): void {
    this.#client.ids.push(id);
    const offsets = offsetsOf(id);
    for (let partition = 0; partition < Math.max(offsets.length, this.#offsets.length); partition++) {
      const next = offsets[partition] ?? this.gateway.log.firstSeen[partition] ?? 0;
      if (next < this.#at(partition))
        this.#client.fault(`the id of ${what} goes back to ${offsets} from ${this.#offsets}`);
      const notSent = this.#notSent(partition, next, now);
      if (notSent !== null)
        this.#client.fault(
          `the id of ${what} covers ${partition}:${notSent}: ${offsets} from ${this.#offsets}`,
        );
      if (offsets[partition] !== undefined) this.#offsets[partition] = next;
    }
  }

  /** Where the newest `count` records for it begin, of those in the ring. */
  #startOfLast(count: number): Offsets {
    const { log, settings } = this.gateway;
    const start = [...log.positions];
    const last = log.read
      .slice(-settings.ringRecords)
      .flatMap(({ partition, offset, entry }) =>
        entry !== null && isFor(this.#client.subscription, entry)
          ? [{ partition, offset, timestampMs: entry.timestampMs }]
          : [],
      )
      .sort((a, b) => a.timestampMs - b.timestampMs)
      .slice(-count);
    for (const { partition, offset } of last.reverse()) start[partition] = offset;
    return start;
  }
}
