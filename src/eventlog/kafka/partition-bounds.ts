import type { PartitionBounds, TopicPartition } from '../event-log';
import { type BrokerAddress, nameOf } from './broker-link';
import type { BrokerLinks } from './broker-links';
import type { LedPartition } from './cluster';
import { listOffsetsRequest } from './list-offsets-request';
import { ERROR_CODE, ProtocolError } from './protocol-error';
import { keyOf } from './topic-partitions';

/**
 * The bounds of these partitions, in the same order, asked of their leaders now.
 * @throws Error when a partition has no leader, or a leader does not answer or knows better
 */
export async function askBounds(
  partitions: readonly LedPartition[],
  links: BrokerLinks,
  timeoutMs: number,
): Promise<PartitionBounds[]> {
  const byLeader = new Map<string, { leader: BrokerAddress; led: LedPartition[] }>();
  for (const partition of partitions) {
    const { leader } = partition;
    if (leader === null) throw new ProtocolError(keyOf(partition), ERROR_CODE.LEADER_NOT_AVAILABLE);
    const group = byLeader.get(nameOf(leader));
    if (group === undefined) byLeader.set(nameOf(leader), { leader, led: [partition] });
    else group.led.push(partition);
  }

  async function list(
    which: 'earliest' | 'latest',
    leader: BrokerAddress,
    led: readonly TopicPartition[],
  ): Promise<Map<string, bigint>> {
    const link = await links.get(leader);
    const { offsets } = await link.send(listOffsetsRequest(which, led), timeoutMs);
    for (const listed of offsets) {
      if (listed.errorCode !== ERROR_CODE.NONE) throw new ProtocolError(keyOf(listed), listed.errorCode);
    }
    return new Map(offsets.map((listed) => [keyOf(listed), listed.offset]));
  }

  const found = new Map<string, { logStart: bigint; logEnd: bigint }>();
  await Promise.all(
    [...byLeader.values()].map(async ({ leader, led }) => {
      const starts = await list('earliest', leader, led);
      const ends = await list('latest', leader, led);
      for (const key of led.map(keyOf)) {
        const [logStart, logEnd] = [starts.get(key), ends.get(key)];
        if (logStart === undefined || logEnd === undefined) {
          throw new ProtocolError(key, ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION);
        }
        found.set(key, { logStart, logEnd });
      }
    }),
  );
  return partitions.map(({ topic, partition, topicId }) => ({
    topic,
    partition,
    topicId,
    ...found.get(keyOf({ topic, partition }))!,
  }));
}
