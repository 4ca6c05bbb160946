import { Reader, Writer } from './bytes';
import type { KafkaRequest } from './request';

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
    encode: () => new Writer().string(null).int32(TRANSACTION_TIMEOUT_MS).bytes,
    decode(payload) {
      const reader = new Reader(payload);
      return {
        throttleMs: reader.int32(),
        errorCode: reader.int16(),
        producerId: reader.int64(),
        producerEpoch: reader.int16(),
      };
    },
  };
}
