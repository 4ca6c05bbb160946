import type { BrokerLink } from './cluster/broker-link';
import { initProducerIdRequest } from './protocol/produce-request';
import { ERROR_CODE, ProtocolError } from './protocol/protocol-error';
import type { BatchProducer } from './protocol/record-encoder';

/** The producer id of this gateway, requested from Kafka when it is first needed. */
export interface ProducerId {
  /** @throws ProtocolError when the broker gives none; Error when it does not answer */
  get(link: BrokerLink, timeoutMs: number): Promise<bigint>;
  /** This one can be used no more: `get` requests another. */
  drop(producerId: bigint): void;
}

export function createProducerId(): ProducerId {
  let current: bigint | null = null;
  return {
    async get(link, timeoutMs) {
      if (current !== null) return current;
      const { errorCode, producerId } = await link.send(initProducerIdRequest(), timeoutMs);
      if (errorCode !== ERROR_CODE.NONE) throw new ProtocolError('producer id', errorCode);
      // Another leader may have been asked at the same time.
      current ??= producerId;
      return current;
    },
    drop(producerId) {
      if (current === producerId) current = null;
    },
  };
}

/** Epochs are 16 bits. */
const MAX_EPOCH = 0x7fff;
/** Sequence numbers are 31 bits and begin again at 0. */
const SEQUENCES = 2 ** 31;

/**
 * Numbers the records of one partition for its leader, which takes a batch only when it follows the one before, and
 * answers a batch that it has already with that batch's offset. Each partition has its own epochs: without
 * transactions a broker compares them per partition.
 */
export class ProducerSequence {
  #producerId: bigint | null = null;
  #epoch = 0;
  #next = 0;

  /** For a batch that is sent for the first time, or again after the broker said that it was not stored. */
  next(producerId: bigint): BatchProducer {
    if (producerId !== this.#producerId) {
      this.#producerId = producerId;
      this.#epoch = 0;
      this.#next = 0;
    }
    return { producerId, producerEpoch: this.#epoch, baseSequence: this.#next };
  }

  stored(records: number): void {
    this.#next = (this.#next + records) % SEQUENCES;
  }

  /**
   * Begins at 0 again under the next epoch, after a batch whose outcome will not be known or that did not follow. From
   * the first batch of the new epoch on, the leader rejects late batches of the old one. Returns false when there are
   * no more epochs, so that another producer id is needed.
   */
  bump(): boolean {
    this.#next = 0;
    if (this.#epoch < MAX_EPOCH) this.#epoch++;
    else this.#producerId = null;
    return this.#producerId !== null;
  }
}
