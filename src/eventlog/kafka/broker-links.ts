import type { KafkaConfig } from '../../config';
import type { Logger } from '../../logger';
import { type BrokerAddress, BrokerLink, nameOf } from './broker-link';

export interface BrokerLinksOptions {
  readonly kafka: KafkaConfig;
  readonly logger: Logger;
  readonly onLost?: (address: BrokerAddress, reason: Error) => void;
}

/**
 * The links of one use of the log (control, append, tail, range reads): at most one per broker. Uses do not share,
 * because a request waits behind whatever its connection is busy with, such as the tail's idle fetch.
 */
export class BrokerLinks {
  readonly #options: BrokerLinksOptions;
  readonly #open = new Map<string, BrokerLink>();
  readonly #opening = new Map<string, { readonly link: Promise<BrokerLink>; cancel(reason: Error): void }>();
  #closed: Error | null = null;

  constructor(options: BrokerLinksOptions) {
    this.#options = options;
  }

  /** The link to this broker, opened when there is none. @throws Error when it cannot be opened */
  get(address: BrokerAddress): Promise<BrokerLink> {
    const name = nameOf(address);
    const open = this.#open.get(name);
    if (open !== undefined) return Promise.resolve(open);
    const opening = this.#opening.get(name);
    if (opening !== undefined) return opening.link;
    return this.#connect(address, name);
  }

  /** Any open link. */
  any(): BrokerLink | null {
    return this.#open.values().next().value ?? null;
  }

  close(): void {
    this.#closed = new Error('the event log is closed');
    for (const { cancel } of this.#opening.values()) cancel(this.#closed);
    for (const link of [...this.#open.values()]) link.close(this.#closed);
  }

  #connect(address: BrokerAddress, name: string): Promise<BrokerLink> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const { kafka, logger, onLost } = this.#options;
    const attempt = BrokerLink.connect({
      address,
      kafka,
      logger,
      onLost: (link, reason) => {
        if (this.#open.get(name) !== link) return;
        this.#open.delete(name);
        if (this.#closed === null) onLost?.(address, reason);
      },
    });
    const link = attempt.opened
      .finally(() => this.#opening.delete(name))
      .then((opened) => {
        if (opened.alive) this.#open.set(name, opened);
        return opened;
      });
    this.#opening.set(name, { link, cancel: (reason) => attempt.link.close(reason) });
    return link;
  }
}
