import type { BrokerLink } from './cluster/broker-link';
import type { FetchResponse } from './protocol/fetch-request';
import type { KafkaRequest } from './protocol/request';

const SMALLEST_SHARE = 1 / 64;
const FAST_SHARE = 1 / 4;

/**
 * How much to fetch at once over a link whose speed is not known: all that is allowed at first, half as much after an
 * answer that took longer than `slowMs` or did not arrive, twice as much after a fast one that used what it was given.
 * An answer that takes long delays everything behind it, and is lost whole with its connection.
 */
export class FetchSizing {
  readonly #maxBytes: number;
  readonly #minBytes: number;
  readonly #slowMs: number;
  #bytes: number;

  constructor({ maxBytes, slowMs }: { readonly maxBytes: number; readonly slowMs: number }) {
    this.#maxBytes = maxBytes;
    this.#minBytes = Math.ceil(maxBytes * SMALLEST_SHARE);
    this.#slowMs = slowMs;
    this.#bytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sends a fetch over the link, and learns from the answer. @throws Error as `BrokerLink.send` */
  async send(link: BrokerLink, request: KafkaRequest<FetchResponse>, idleMs: number): Promise<FetchResponse> {
    try {
      const answer = await link.send(request, idleMs);
      const bytes = answer.partitions.reduce((sum, { recordSet }) => sum + recordSet.length, 0);
      this.answered(bytes, link.exchangeMs);
      return answer;
    } catch (error) {
      this.lost();
      throw error;
    }
  }

  answered(bytes: number, tookMs: number): void {
    // A small answer was slow for another reason: the broker took its time.
    if (tookMs > this.#slowMs && bytes > this.#minBytes) this.#allow(Math.min(this.#bytes, bytes) / 2);
    else if (tookMs < this.#slowMs * FAST_SHARE && bytes >= this.#bytes / 2) this.#allow(this.#bytes * 2);
  }

  /** The connection was lost before the answer was whole. */
  lost(): void {
    this.#allow(this.#bytes / 2);
  }

  #allow(bytes: number): void {
    this.#bytes = Math.min(this.#maxBytes, Math.max(this.#minBytes, Math.floor(bytes)));
  }
}
