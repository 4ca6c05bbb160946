/** One exchange with a broker: our own bytes, whoever carries them. */
export interface KafkaRequest<T extends { readonly throttleMs: number }> {
  readonly apiName: string;
  readonly apiKey: number;
  readonly apiVersion: number;
  /** What follows the header of a request of version 1. */
  encode(): Buffer;
  /** @param payload the answer after its correlation id. @throws RangeError when it is not one */
  decode(payload: Buffer): T;
}

/** A partition by name. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}
