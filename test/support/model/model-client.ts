import type { ArrayLog } from './array-log';
import { Connection } from './connection';
import type { ModelGateway } from './model-gateway';
import {
  isFor,
  type ModelStart,
  type ModelSubscription,
  type Offsets,
  offsetsOf,
  type Told,
} from './subscription-model';

/**
 * A client, and the model of what it may receive. Each stream is checked block by block: everything that an id covers was
 * sent or reported as lost before it, in order, once. `missing` checks all its streams together.
 */
export class ModelClient {
  readonly subscription: ModelSubscription;
  /** Every id received, the newest last. */
  readonly ids: string[] = [];
  connection: Connection | null = null;
  readonly #name: string;
  readonly #log: ArrayLog;
  readonly #start: ModelStart;
  readonly #faults: string[];
  /** By partition, where its first stream began. */
  #began: Offsets | null = null;
  /** For each id it resumed from, how many partitions that names, and the gateway's first offsets of the others. */
  #unnamed: { readonly count: number; readonly firstSeen: Offsets }[] = [];
  /** `partition:offset` of each record received. */
  readonly #got = new Set<string>();
  #told: Told[] = [];
  /** Number of gaps reported to it. */
  gaps = 0;

  constructor(
    name: string,
    log: ArrayLog,
    subscription: ModelSubscription,
    start: ModelStart,
    faults: string[],
  ) {
    this.#name = name;
    this.#log = log;
    this.subscription = subscription;
    this.#start = start;
    this.#faults = faults;
  }

  /** @param id null begins as a new client */
  connect(gateway: ModelGateway, id: string | null): void {
    if (id === null) this.#startOver();
    else this.#continueAt(id);
    const { channels, events, meta, isSse } = this.subscription;
    const query = [
      ...(isSse ? [] : channels.map((channel) => `channel=${channel}`)),
      ...(events === null ? [] : [`event=${events.join()}`]),
      ...(meta ? ['meta=1'] : []),
      ...(this.#start.from === 'earliest' ? ['from=earliest'] : []),
      ...(this.#start.from === 'last' ? [`from=-${this.#start.count}`] : []),
    ];
    this.connection = new Connection(this, this.#log, gateway, id, id === null ? this.#start : null);
    this.connection.stream = gateway.connect(
      this.connection.socket,
      `${isSse ? '/sse' : '/events'}?${query.join('&')}`,
      id,
    );
  }

  /** Forgets what it received after this id; after its last id it must have received nothing. */
  #continueAt(id: string): void {
    const offsets = offsetsOf(id);
    for (const key of this.#got) {
      const [partition, offset] = key.split(':').map(Number) as [number, number];
      if (offset < (offsets[partition] ?? 0)) continue;
      if (id === this.ids.at(-1)) this.fault(`has ${key} already, which its last id ${offsets} would repeat`);
      this.#got.delete(key);
    }
    this.#told = this.#told.map((gap) => ({
      ...gap,
      to: Math.min(gap.to, offsets[gap.partition] ?? 0),
    }));
    const index = this.ids.lastIndexOf(id);
    if (index >= 0) this.ids.length = index + 1;
    else this.#startOver();
  }

  /** Without an id, or with one of another client, it is a new client. */
  #startOver(): void {
    this.ids.length = 0;
    this.#began = null;
    this.#unnamed = [];
    this.#got.clear();
    this.#told = [];
  }

  began(offsets: Offsets, firstSeen: Offsets): void {
    this.#began ??= offsets;
    this.#unnamed.push({ count: offsets.length, firstSeen });
  }

  got(partition: number, offset: number): void {
    const key = `${partition}:${offset}`;
    if (this.#got.has(key)) this.fault(`got ${key} twice`);
    this.#got.add(key);
  }

  told(gap: Told): void {
    this.gaps++;
    this.#told.push(gap);
  }

  fault(what: string): void {
    this.#faults.push(`${this.#name} ${JSON.stringify(this.subscription)}: ${what}`);
  }

  /** Records from its start on that were neither sent to it nor reported as lost. */
  missing(): string[] {
    if (this.#began === null) return [];
    const missing: string[] = [];
    for (const [partition, { entries }] of this.#log.partitions.entries()) {
      // A partition that an id does not name begins at the first offset that the gateway knew.
      const unnamed = this.#unnamed.filter(({ count }) => partition >= count);
      const from = Math.max(
        this.#began[partition] ?? 0,
        ...unnamed.map(({ firstSeen }) => firstSeen[partition] ?? 0),
      );
      for (let offset = from; offset < entries.length; offset++) {
        const entry = entries[offset]!;
        if (entry.kind === 'hole' || (entry.kind === 'record' && !isFor(this.subscription, entry))) continue;
        const isTold = this.#told.some(
          (gap) => gap.partition === partition && gap.from <= offset && offset < gap.to,
        );
        if (!isTold && !this.#got.has(`${partition}:${offset}`)) missing.push(`${partition}:${offset}`);
      }
    }
    return missing;
  }
}
