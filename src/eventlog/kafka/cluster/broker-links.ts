import { type Backoff, createBackoff, pause } from '../../../backoff';
import type { KafkaConfig } from '../../../config';
import type { Logger } from '../../../logger';
import { type BrokerAddress, metadataRequest } from '../protocol/metadata-request';
import { BrokerLink } from './broker-link';
import { nameOf } from './broker-socket';

/** Counts and logs what goes wrong in one use of the event log. */
export interface UseWatch {
  failed(address: BrokerAddress, reason: Error): void;
  requestFailed(): void;
  /** A broker's quota keeps the use waiting. */
  throttled(forMs: number): void;
}

/** What each use of the event log (metadata, append, tail, range reads) needs of the gateway. */
export interface LogUse {
  readonly kafka: KafkaConfig;
  readonly logger: Logger;
  readonly watch: UseWatch;
}

interface BrokerLinksOptions extends LogUse {
  readonly onLost?: (address: BrokerAddress, reason: Error) => void;
}

/** When a broker may be connected to again. */
interface Rest {
  readonly backoff: Backoff;
  failedConnects: number;
  /** By `performance.now()`. */
  untilMs: number;
}

/**
 * The links of one use of the event log: at most one per broker. Uses do not share links, because a request waits behind
 * the one in flight, such as the tail's idle fetch. To a broker that accepts no connection, or ends it soon, it connects
 * with backoff.
 */
export class BrokerLinks {
  readonly #options: BrokerLinksOptions;
  readonly #open = new Map<string, BrokerLink>();
  readonly #opening = new Map<string, Promise<BrokerLink>>();
  readonly #rests = new Map<string, Rest>();
  readonly #closing = new AbortController();

  constructor(options: BrokerLinksOptions) {
    this.#options = options;
  }

  /** The link to this broker, opened when there is none, after its pause. @throws Error when it cannot be opened */
  get(address: BrokerAddress): Promise<BrokerLink> {
    const name = nameOf(address);
    const open = this.#open.get(name);
    if (open !== undefined) return Promise.resolve(open);
    const known = this.#opening.get(name);
    if (known !== undefined) return known;
    const opening = this.#connect(address, name).finally(() => this.#opening.delete(name));
    this.#opening.set(name, opening);
    return opening;
  }

  /** @throws Error when the broker gives no sign of life in time */
  async ping(address: BrokerAddress): Promise<void> {
    const link = await this.get(address);
    await link.send(metadataRequest([]), this.#options.kafka.silenceMs);
  }

  /** How long `get` would wait before it connects; 0 when it would not. */
  restMs(address: BrokerAddress): number {
    const name = nameOf(address);
    if (this.#open.has(name)) return 0;
    return Math.max(0, (this.#rests.get(name)?.untilMs ?? 0) - performance.now());
  }

  /** By `performance.now()`: up to then the silence of this broker, or of any, means nothing. */
  aliveUntilMs(address?: BrokerAddress): number {
    return latest(this.#links(address), (link) => link.aliveUntilMs);
  }

  /** Unix time until which a quota keeps one of these links waiting; null when none does. */
  get throttledUntilMs(): number | null {
    const leftMs = latest(this.#links(), (link) => link.throttledUntilMs) - performance.now();
    return leftMs > 0 ? Date.now() + leftMs : null;
  }

  any(): BrokerLink | null {
    return this.#open.values().next().value ?? null;
  }

  close(): void {
    const reason = new Error('the event log is closed');
    this.#closing.abort(reason);
    for (const link of [...this.#open.values()]) link.close(reason);
  }

  async #connect(address: BrokerAddress, name: string): Promise<BrokerLink> {
    const { signal } = this.#closing;
    const restMs = this.restMs(address);
    if (restMs > 0) await pause(restMs, signal);
    signal.throwIfAborted();
    const { onLost, watch } = this.#options;
    let openedMs = Number.POSITIVE_INFINITY;
    const link = new BrokerLink({
      ...this.#options,
      address,
      failedConnects: this.#rests.get(name)?.failedConnects ?? 0,
      onThrottled: (forMs) => watch.throttled(forMs),
      onLost: (lost, reason) => {
        if (!signal.aborted) watch.failed(address, reason);
        this.#rest(name, performance.now() - openedMs);
        if (this.#open.get(name) !== lost) return;
        this.#open.delete(name);
        if (!signal.aborted) onLost?.(address, reason);
      },
    });
    const cancel = () => link.close(signal.reason as Error);
    signal.addEventListener('abort', cancel);
    try {
      await link.opened;
      openedMs = performance.now();
      if (link.alive) this.#open.set(name, link);
      return link;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  #links(address?: BrokerAddress): Iterable<BrokerLink> {
    if (address === undefined) return this.#open.values();
    const link = this.#open.get(nameOf(address));
    return link === undefined ? [] : [link];
  }

  /** After a link was lost. @param openMs how long it was open; negative when it never was */
  #rest(name: string, openMs: number): void {
    const { retryMinMs, retryMaxMs } = this.#options.kafka;
    const backoff = createBackoff(retryMinMs, retryMaxMs);
    const rest = this.#rests.get(name) ?? { backoff, failedConnects: 0, untilMs: 0 };
    this.#rests.set(name, rest);
    rest.failedConnects = openMs > 0 ? 0 : rest.failedConnects + 1;
    const wasOpenLong = openMs > retryMaxMs;
    if (wasOpenLong) rest.backoff.reset();
    rest.untilMs = wasOpenLong ? 0 : performance.now() + rest.backoff.nextMs();
  }
}

function latest(links: Iterable<BrokerLink>, timeOf: (link: BrokerLink) => number): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const link of links) found = Math.max(found, timeOf(link));
  return found;
}
