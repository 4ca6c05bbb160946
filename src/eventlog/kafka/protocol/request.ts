import { Reader, Writer } from './bytes';

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

/** @param api name, key and version, as in Kafka's protocol @param writer with room for what `encode` writes */
export function kafkaRequest<T extends { readonly throttleMs: number }>(
  [apiName, apiKey, apiVersion]: readonly [string, number, number],
  encode: (writer: Writer) => Writer,
  decode: (reader: Reader) => T,
  writer = () => new Writer(),
): KafkaRequest<T> {
  return {
    apiName,
    apiKey,
    apiVersion,
    encode: () => encode(writer()).bytes,
    decode: (payload) => decode(new Reader(payload)),
  };
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Kafka's requests list partitions under their topic; the order of both is kept. */
export function writeByTopic<T extends TopicPartition>(
  writer: Writer,
  partitions: readonly T[],
  write: (partition: T) => void,
): Writer {
  const byTopic = groupByTopic(partitions);
  writer.int32(byTopic.size);
  for (const [topic, members] of byTopic) {
    writer.string(topic).int32(members.length);
    for (const member of members) write(member);
  }
  return writer;
}

/** The same for flexible versions of a request (KIP-482); `write` ends with the tagged fields of the partition. */
export function writeCompactByTopic<T extends TopicPartition>(
  writer: Writer,
  partitions: readonly T[],
  write: (partition: T) => void,
): Writer {
  const byTopic = groupByTopic(partitions);
  writer.uvarint(byTopic.size + 1);
  for (const [topic, members] of byTopic) {
    writer.compactString(topic).uvarint(members.length + 1);
    for (const member of members) write(member);
    writer.uvarint(0);
  }
  return writer;
}

export function readByTopic<T>(reader: Reader, read: (topic: string) => T): T[] {
  return reader
    .array(() => {
      const topic = reader.string() ?? '';
      return reader.array(() => read(topic));
    })
    .flat();
}

function groupByTopic<T extends TopicPartition>(partitions: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const byTopic = new Map<string, T[]>();
  for (const member of partitions) {
    const members = byTopic.get(member.topic);
    if (members === undefined) byTopic.set(member.topic, [member]);
    else members.push(member);
  }
  return byTopic;
}
