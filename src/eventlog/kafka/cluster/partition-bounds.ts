import type { KafkaConfig } from '../../../config';
import type { PartitionBounds, TopicPartition, UnavailablePartition } from '../../event-log';
import { fetchRequest } from '../protocol/fetch-request';
import { listOffsetsRequest, type OffsetQuery } from '../protocol/list-offsets-request';
import { ERROR_CODE } from '../protocol/protocol-error';
import { keyOf } from '../protocol/topic-partitions';
import { type BrokerAddress, nameOf } from './broker-address';
import type { BrokerLink } from './broker-link';
import type { BrokerLinks } from './broker-links';
import type { BrokerOutages } from './broker-outages';
import type { LedPartition } from './cluster';

export interface FoundBounds {
  /** In the order in which they were asked for. */
  readonly partitions: readonly PartitionBounds[];
  readonly unavailable: readonly UnavailablePartition[];
}

export interface BoundsQuery {
  /** Each partition's `atTime` is found too. */
  readonly timeMs?: number;
  /** Partitions that may be described but not read are `unavailable` as well. */
  readonly mustBeReadable?: boolean;
}

export interface BoundsDeps {
  readonly kafka: KafkaConfig;
  readonly links: BrokerLinks;
  readonly outages: BrokerOutages;
  /** A broker knows better than the view which partitions it leads. */
  readonly onStale: () => void;
}

type Answer = Pick<PartitionBounds, 'logStart' | 'logEnd' | 'atTime'> | UnavailablePartition['reason'];

const NONE = -1n;
/** Only the error codes of the answer count. */
const PROBE_LIMITS = { maxWaitMs: 0, maxBytes: 1, partitionBytes: 1 };

/**
 * The bounds of these partitions, asked of their leaders now, of all leaders at once. A leader that is missing or does
 * not answer makes its own partitions unavailable, and delays nobody once it is known to be away.
 */
export async function askBounds(
  partitions: readonly LedPartition[],
  { timeMs, mustBeReadable = false }: BoundsQuery,
  { kafka, links, outages, onStale }: BoundsDeps,
): Promise<FoundBounds> {
  const byLeader = new Map<string, { leader: BrokerAddress; led: LedPartition[] }>();
  for (const partition of partitions) {
    const { leader } = partition;
    if (leader === null) continue;
    const group = byLeader.get(nameOf(leader));
    if (group === undefined) byLeader.set(nameOf(leader), { leader, led: [partition] });
    else group.led.push(partition);
  }
  const answers = new Map<string, Answer>();
  let isStale = false;

  /** Whether the answer is good; else the partition is unavailable. */
  function take({ topic, partition, errorCode }: TopicPartition & { errorCode: number }): boolean {
    if (errorCode === ERROR_CODE.NONE) return true;
    const isForbidden = errorCode === ERROR_CODE.TOPIC_AUTHORIZATION_FAILED;
    isStale ||= !isForbidden;
    answers.set(keyOf({ topic, partition }), isForbidden ? 'forbidden' : 'unreachable');
    return false;
  }

  async function list(
    query: OffsetQuery,
    link: BrokerLink,
    led: readonly TopicPartition[],
  ): Promise<Map<string, bigint>> {
    const { offsets } = await link.send(listOffsetsRequest(query, led), kafka.livenessMs);
    return new Map(offsets.filter(take).map((listed) => [keyOf(listed), listed.offset]));
  }

  async function askLeader(leader: BrokerAddress, led: readonly LedPartition[]): Promise<void> {
    const link = await linkWithin(links, leader, kafka.livenessMs);
    const starts = await list('earliest', link, led);
    const ends = await list('latest', link, led);
    // Only now: a record that comes after the answer "none" must not lie before the log's end.
    const times = timeMs === undefined ? null : await list({ timeMs }, link, led);
    for (const key of led.map(keyOf)) {
      const [logStart, logEnd] = [starts.get(key), ends.get(key)];
      if (answers.has(key) || logStart === undefined || logEnd === undefined) continue;
      const bounds = { logStart, logEnd };
      answers.set(key, times === null ? bounds : { ...bounds, atTime: within(bounds, times.get(key)) });
    }
    if (!mustBeReadable) return;
    const asked = led.flatMap((partition) => {
      const position = ends.get(keyOf(partition));
      return position === undefined ? [] : [{ ...partition, position }];
    });
    const { partitions: probed } = await link.send(fetchRequest(asked, PROBE_LIMITS), kafka.livenessMs);
    for (const { topic, partition, errorCode } of probed) {
      if (errorCode !== ERROR_CODE.OFFSET_OUT_OF_RANGE) take({ topic, partition, errorCode });
    }
  }

  await Promise.all(
    [...byLeader.values()].map(async ({ leader, led }) => {
      if (outages.failureOf(leader) !== null) return;
      try {
        await askLeader(leader, led);
      } catch (error) {
        for (const key of led.map(keyOf)) answers.delete(key);
        outages.failed(leader, error as Error);
      }
    }),
  );
  if (isStale) onStale();

  const found: PartitionBounds[] = [];
  const unavailable: UnavailablePartition[] = [];
  for (const { topic, partition, topicId } of partitions) {
    const answer = answers.get(keyOf({ topic, partition })) ?? 'unreachable';
    if (typeof answer === 'string') unavailable.push({ topic, partition, topicId, reason: answer });
    else found.push({ topic, partition, topicId, ...answer });
  }
  return { partitions: found, unavailable };
}

/** Connecting may take longer than others are to wait. @throws Error when there is no link in time */
async function linkWithin(
  links: BrokerLinks,
  address: BrokerAddress,
  timeoutMs: number,
): Promise<BrokerLink> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${nameOf(address)}: no connection within ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([links.get(address), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The log may have moved between two answers, and an offset below zero says that there is none. */
function within({ logStart, logEnd }: { logStart: bigint; logEnd: bigint }, offset = NONE): bigint {
  if (offset < 0n || offset > logEnd) return logEnd;
  return offset < logStart ? logStart : offset;
}
