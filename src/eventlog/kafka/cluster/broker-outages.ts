import { createBackoff } from '../../../backoff';
import type { KafkaConfig } from '../../../config';
import { metadataRequest } from '../protocol/metadata-request';
import { type BrokerAddress, nameOf } from './broker-address';
import type { BrokerLinks } from './broker-links';

export interface BrokerOutagesOptions {
  readonly kafka: KafkaConfig;
  readonly links: BrokerLinks;
  readonly signal: AbortSignal;
  /** False once a broker belongs to the cluster no more: then it is forgotten. */
  readonly isMember: (name: string) => boolean;
  /** A broker that was away answers again. */
  readonly onBack: () => void;
}

/**
 * Brokers that did not answer. Each is asked again in the background until it does: meanwhile nobody else has to wait
 * for what it does not say.
 */
export class BrokerOutages {
  readonly #options: BrokerOutagesOptions;
  readonly #failures = new Map<string, Error>();
  readonly #probes = new Set<Promise<void>>();

  constructor(options: BrokerOutagesOptions) {
    this.#options = options;
  }

  /** Why this broker is away; null while it is not known to be. */
  failureOf(address: BrokerAddress): Error | null {
    return this.#failures.get(nameOf(address)) ?? null;
  }

  /** To be called when it could not be asked. */
  failed(address: BrokerAddress, error: Error): void {
    const name = nameOf(address);
    const isKnown = this.#failures.has(name);
    this.#failures.set(name, error);
    if (isKnown || this.#options.signal.aborted) return;
    const probe = this.#untilBack(address);
    this.#probes.add(probe);
    void probe.finally(() => this.#probes.delete(probe));
  }

  /** Resolves when no broker is asked any more, after the signal. */
  async ended(): Promise<void> {
    await Promise.all(this.#probes);
  }

  async #untilBack(address: BrokerAddress): Promise<void> {
    const { isMember, kafka, links, onBack, signal } = this.#options;
    const name = nameOf(address);
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    for (;;) {
      await backoff.wait(signal);
      if (signal.aborted) return;
      if (!isMember(name)) break;
      try {
        const link = await links.get(address);
        await link.send(metadataRequest([]), kafka.livenessMs);
        break;
      } catch (error) {
        this.#failures.set(name, error as Error);
      }
    }
    this.#failures.delete(name);
    onBack();
  }
}
