import type { PartitionBounds, TopicPartition } from '../event-log';
import { type BrokerAddress, nameOf } from './broker-link';
import type { BrokerLinks } from './broker-links';
import type { LedPartition } from './cluster';
import { listOffsetsRequest, type OffsetQuery } from './list-offsets-request';
import { ERROR_CODE, ProtocolError } from './protocol-error';
import { keyOf } from './topic-partitions';

const NONE = -1n;

/**
 * The bounds of these partitions, in the same order, asked of their leaders now; with `atTime` when `timeMs` is given.
 * @throws Error when a partition has no leader, or a leader does not answer or knows better
 */
export async function askBounds(
  partitions: readonly LedPartition[],
  links: BrokerLinks,
  timeoutMs: number,
  timeMs?: number,
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
    query: OffsetQuery,
    leader: BrokerAddress,
    led: readonly TopicPartition[],
  ): Promise<Map<string, bigint>> {
    const link = await links.get(leader);
    const { offsets } = await link.send(listOffsetsRequest(query, led), timeoutMs);
    for (const listed of offsets) {
      if (listed.errorCode !== ERROR_CODE.NONE) throw new ProtocolError(keyOf(listed), listed.errorCode);
    }
    return new Map(offsets.map((listed) => [keyOf(listed), listed.offset]));
  }

  const found = new Map<string, Pick<PartitionBounds, 'logStart' | 'logEnd' | 'atTime'>>();
  await Promise.all(
    [...byLeader.values()].map(async ({ leader, led }) => {
      const starts = await list('earliest', leader, led);
      const ends = await list('latest', leader, led);
      // Only now: a record that comes after the answer "none" must not lie before the log's end.
      const times = timeMs === undefined ? null : await list({ timeMs }, leader, led);
      for (const key of led.map(keyOf)) {
        const [logStart, logEnd] = [starts.get(key), ends.get(key)];
        if (logStart === undefined || logEnd === undefined) {
          throw new ProtocolError(key, ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION);
        }
        const bounds = { logStart, logEnd };
        found.set(key, times === null ? bounds : { ...bounds, atTime: within(bounds, times.get(key)) });
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

/** The log may have moved between two answers, and an offset below zero says that there is none. */
function within({ logStart, logEnd }: { logStart: bigint; logEnd: bigint }, offset = NONE): bigint {
  if (offset < 0n || offset > logEnd) return logEnd;
  return offset < logStart ? logStart : offset;
}
