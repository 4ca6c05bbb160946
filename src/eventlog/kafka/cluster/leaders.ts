import { createBackoff } from '../../../backoff';
import type { KafkaConfig } from '../../../config';
import type {
  EpochEnd,
  EpochQuery,
  PartitionBounds,
  TopicPartition,
  UnavailablePartition,
} from '../../event-log';
import { fetchRequest } from '../protocol/fetch-request';
import {
  listOffsetsRequest,
  type OffsetQuery,
  offsetForLeaderEpochRequest,
} from '../protocol/list-offsets-request';
import type { BrokerAddress } from '../protocol/metadata-request';
import { ERROR_CODE } from '../protocol/protocol-error';
import { keyOf } from '../protocol/request';
import type { BrokerLink } from './broker-link';
import type { BrokerLinks } from './broker-links';
import { nameOf } from './broker-socket';
import type { LedPartition } from './cluster';

interface LeadersOptions {
  readonly kafka: KafkaConfig;
  readonly links: BrokerLinks;
  readonly signal: AbortSignal;
  /** False once a broker belongs to the cluster no more: then it is forgotten. */
  readonly isMember: (name: string) => boolean;
  /** The view of the cluster is old: a broker that was away answers again, or leads other partitions than the view says. */
  readonly onStale: () => void;
}

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

type Answer = Pick<PartitionBounds, 'logStart' | 'logEnd' | 'atTime'> | UnavailablePartition['reason'];

const NONE = -1n;
/** Only the error codes of the answer count. */
const PROBE_LIMITS = { maxWaitMs: 0, maxBytes: 1, partitionBytes: 1 };

/** Asks leaders, all at once. One that does not answer is asked in the background: meanwhile nothing waits for it. */
export class Leaders {
  readonly #options: LeadersOptions;
  /** Of the brokers that are away, why. */
  readonly #failures = new Map<string, Error>();
  readonly #probes = new Set<Promise<void>>();

  constructor(options: LeadersOptions) {
    this.#options = options;
  }

  /** Why this broker is away; null while it is not known to be. */
  failureOf(address: BrokerAddress): Error | null {
    return this.#failures.get(nameOf(address)) ?? null;
  }

  /** To be called when a broker did not answer. */
  failed(address: BrokerAddress, error: Error): void {
    const name = nameOf(address);
    const isKnown = this.#failures.has(name);
    this.#failures.set(name, error);
    if (isKnown || this.#options.signal.aborted) return;
    const probe = this.#untilBack(address);
    this.#probes.add(probe);
    void probe.finally(() => this.#probes.delete(probe));
  }

  async bounds(
    partitions: readonly LedPartition[],
    { timeMs, mustBeReadable = false }: BoundsQuery = {},
  ): Promise<FoundBounds> {
    const { kafka, links, onStale } = this.#options;
    const answers = new Map<string, Answer>();
    let isStale = false;

    await this.#askEach(
      partitions,
      ({ leader }) => leader,
      async (leader, led) => {
        const own = new Map<string, Answer>();
        /** Whether the answer is good; else the partition is unavailable. */
        function take({ topic, partition, errorCode }: TopicPartition & { errorCode: number }): boolean {
          if (errorCode === ERROR_CODE.NONE) return true;
          const isForbidden = errorCode === ERROR_CODE.TOPIC_AUTHORIZATION_FAILED;
          isStale ||= !isForbidden;
          own.set(keyOf({ topic, partition }), isForbidden ? 'forbidden' : 'unreachable');
          return false;
        }
        async function list(query: OffsetQuery): Promise<Map<string, bigint>> {
          const { offsets } = await link.send(listOffsetsRequest(query, led), kafka.silenceMs);
          return new Map(offsets.filter(take).map((listed) => [keyOf(listed), listed.offset]));
        }

        const link = await linkWithin(links, leader, kafka.silenceMs);
        const starts = await list('earliest');
        const ends = await list('latest');
        // Only now: a record that comes after the answer "none" must not lie before the log's end.
        const times = timeMs === undefined ? null : await list({ timeMs });
        for (const key of led.map(keyOf)) {
          const [logStart, logEnd] = [starts.get(key), ends.get(key)];
          if (own.has(key) || logStart === undefined || logEnd === undefined) continue;
          const bounds = { logStart, logEnd };
          own.set(key, times === null ? bounds : { ...bounds, atTime: within(bounds, times.get(key)) });
        }
        if (mustBeReadable) {
          const asked = led.flatMap((partition) => {
            const position = ends.get(keyOf(partition));
            return position === undefined ? [] : [{ ...partition, position }];
          });
          const { partitions: probed } = await link.send(fetchRequest(asked, PROBE_LIMITS), kafka.silenceMs);
          for (const { topic, partition, errorCode } of probed) {
            if (errorCode !== ERROR_CODE.OFFSET_OUT_OF_RANGE) take({ topic, partition, errorCode });
          }
        }
        for (const [key, answer] of own) answers.set(key, answer);
      },
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

  /** Where the epochs asked for end, by the leaders of `partitions`; what cannot be asked now is left out. */
  async epochEnds(partitions: readonly LedPartition[], asked: readonly EpochQuery[]): Promise<EpochEnd[]> {
    const { kafka, links, onStale } = this.#options;
    const leaders = new Map(partitions.map((led) => [keyOf(led), led.leader]));
    const found: EpochEnd[] = [];
    await this.#askEach(
      asked,
      (query) => leaders.get(keyOf(query)) ?? null,
      async (leader, queries) => {
        const link = await links.get(leader);
        const { ends } = await link.send(offsetForLeaderEpochRequest(queries), kafka.silenceMs);
        const good = ends.filter(({ errorCode }) => errorCode === ERROR_CODE.NONE);
        if (good.length < ends.length) onStale();
        found.push(...good);
      },
    );
    return found;
  }

  /** Resolves when no broker is asked any more, after the signal. */
  async ended(): Promise<void> {
    await Promise.all(this.#probes);
  }

  async #askEach<T>(
    items: readonly T[],
    leaderOf: (item: T) => BrokerAddress | null,
    ask: (leader: BrokerAddress, items: readonly T[]) => Promise<void>,
  ): Promise<void> {
    const groups = new Map<string, { readonly leader: BrokerAddress; readonly own: T[] }>();
    for (const item of items) {
      const leader = leaderOf(item);
      if (leader === null || this.failureOf(leader) !== null) continue;
      const group = groups.get(nameOf(leader)) ?? { leader, own: [] };
      groups.set(nameOf(leader), group);
      group.own.push(item);
    }
    await Promise.all(
      [...groups.values()].map(({ leader, own }) =>
        ask(leader, own).catch((error: Error) => this.failed(leader, error)),
      ),
    );
  }

  async #untilBack(address: BrokerAddress): Promise<void> {
    const { isMember, kafka, links, onStale, signal } = this.#options;
    const name = nameOf(address);
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    for (;;) {
      await backoff.wait(signal);
      if (signal.aborted) return;
      if (!isMember(name)) break;
      try {
        await links.ping(address);
        break;
      } catch (error) {
        this.#failures.set(name, error as Error);
      }
    }
    this.#failures.delete(name);
    onStale();
  }
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
