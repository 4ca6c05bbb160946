import type { TopicPartition } from '../../event-log';
import type { Decoder, Encoder } from '../cluster/kafkajs-internals';

/** A partition's name as a key of maps. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Kafka's requests list partitions under their topic; the order of both is kept. */
export function writeByTopic<T extends TopicPartition>(
  encoder: Encoder,
  partitions: readonly T[],
  write: (partition: T) => void,
): Encoder {
  const byTopic = groupByTopic(partitions);
  encoder.writeInt32(byTopic.size);
  for (const [topic, members] of byTopic) {
    encoder.writeString(topic).writeInt32(members.length);
    for (const member of members) write(member);
  }
  return encoder;
}

/** The same for flexible versions of a request (KIP-482); `write` ends with the tagged fields of the partition. */
export function writeCompactByTopic<T extends TopicPartition>(
  encoder: Encoder,
  partitions: readonly T[],
  write: (partition: T) => void,
): Encoder {
  const byTopic = groupByTopic(partitions);
  encoder.writeUVarInt(byTopic.size + 1);
  for (const [topic, members] of byTopic) {
    encoder.writeUVarIntString(topic).writeUVarInt(members.length + 1);
    for (const member of members) write(member);
    encoder.writeUVarInt(0);
  }
  return encoder;
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

export function readByTopic<T>(decoder: Decoder, read: (topic: string) => T): T[] {
  const items: T[] = [];
  for (let topics = decoder.readInt32(); topics > 0; topics--) {
    const topic = decoder.readString() ?? '';
    for (let members = decoder.readInt32(); members > 0; members--) items.push(read(topic));
  }
  return items;
}
