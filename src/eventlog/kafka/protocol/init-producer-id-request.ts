import type { KafkaRequest } from '../cluster/broker-link';
import { KafkajsDecoder, KafkajsEncoder } from '../cluster/kafkajs-internals';

export interface GrantedProducerId {
  readonly errorCode: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** Of no meaning without a transactional id. */
const TRANSACTION_TIMEOUT_MS = 0;

/** InitProducerId version 1 without a transactional id: any broker answers, with an id that nobody had before. */
export function initProducerIdRequest(): KafkaRequest<{ throttleMs: number } & GrantedProducerId> {
  return {
    apiName: 'InitProducerId',
    apiKey: 22,
    apiVersion: 1,
    encode: () => new KafkajsEncoder().writeString(null).writeInt32(TRANSACTION_TIMEOUT_MS),
    decode(payload) {
      const decoder = new KafkajsDecoder(payload);
      return {
        throttleMs: decoder.readInt32(),
        errorCode: decoder.readInt16(),
        producerId: decoder.readInt64(),
        producerEpoch: decoder.readInt16(),
      };
    },
  };
}
