import type { BrokerLink } from './cluster/broker-link';
import type { FetchResponse } from './protocol/fetch-request';
import type { KafkaRequest } from './protocol/request';

export interface FetchSizing {
  /** Bytes that the next answer may have. */
  readonly bytes: number;
  /** An answer of so many bytes was on its way for so long. */
  answered(bytes: number, tookMs: number): void;
  /** The connection was lost before the answer was whole. */
  lost(): void;
}

const SMALLEST_SHARE = 1 / 64;
const FAST_SHARE = 1 / 4;

/**
 * How much to fetch at once over a link whose speed is not known: all that is allowed at first, half as much after an
 * answer that took longer than `slowMs` or did not arrive, twice as much after a fast one that used what it was given.
 * An answer that takes long delays everything behind it, and is lost whole with its connection.
 */
export function createFetchSizing({
  maxBytes,
  slowMs,
}: {
  readonly maxBytes: number;
  readonly slowMs: number;
}): FetchSizing {
  const minBytes = Math.ceil(maxBytes * SMALLEST_SHARE);
  let allowed = maxBytes;

  function allow(bytes: number): void {
    allowed = Math.min(maxBytes, Math.max(minBytes, Math.floor(bytes)));
  }

  return {
    get bytes() {
      return allowed;
    },
    answered(bytes, tookMs) {
      // What is smaller than that was slow for another reason: the broker took its time.
      if (tookMs > slowMs && bytes > minBytes) allow(Math.min(allowed, bytes) / 2);
      else if (tookMs < slowMs * FAST_SHARE && bytes >= allowed / 2) allow(allowed * 2);
    },
    lost: () => allow(allowed / 2),
  };
}

/** Sends a fetch over the link, and learns from the way the answer comes. @throws Error as `BrokerLink.send` */
export async function sendSized(
  link: BrokerLink,
  request: KafkaRequest<FetchResponse>,
  idleMs: number,
  sizing: FetchSizing,
): Promise<FetchResponse> {
  try {
    const answer = await link.send(request, idleMs);
    const bytes = answer.partitions.reduce((sum, { recordSet }) => sum + recordSet.length, 0);
    sizing.answered(bytes, link.exchangeMs);
    return answer;
  } catch (error) {
    sizing.lost();
    throw error;
  }
}
