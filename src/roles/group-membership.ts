import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { pause } from '../backoff';
import type { Config } from '../config';
import type { kafkaClientOptions } from '../eventlog/kafka/cluster/client-options';
import { logRecordOf } from '../eventlog/kafka/cluster/kafkajs-message';
import type { Logger } from '../logger';
import type { OwnedBatch, PartitionWindows } from './partition-windows';

export interface GroupMembershipOptions {
  readonly client: Kafka;
  readonly retry: ReturnType<typeof kafkaClientOptions>['retry'];
  readonly config: Pick<Config, 'aggregation' | 'kafka' | 'shutdown'>;
  /** Those of the topics in use that exist and may be read. @throws when Kafka is away */
  readonly readableTopics: () => Promise<readonly string[]>;
  /** Makes what the partitions' records are given to; `onFailure` is told what `add` did not throw. */
  readonly createWindows: (onFailure: (error: Error) => void) => PartitionWindows;
  /** Called whenever the group has given this process partitions. */
  readonly onJoined: () => void;
  /** Ends the membership. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

const HEARTBEATS_PER_SESSION = 4;
/** Sessions without a heartbeat after which the consumer is given up: joining takes up to one of its own. */
const SILENT_SESSIONS = 3;

/**
 * Is a member of the consumer group from one consumer's start until something fails, a missing topic appears or the
 * signal aborts; has left by the time it resolves.
 *
 * kafkajs's consumer is not left to restart itself: such a restart cannot be called off (`onCrash` in
 * kafkajs/src/consumer/index.js).
 *
 * @throws Error of what failed, and when none of the topics exists and may be read
 */
export async function joinGroup(options: GroupMembershipOptions): Promise<void> {
  const { client, retry, config, readableTopics, createWindows, onJoined, signal, logger } = options;
  const { aggregation, kafka, shutdown } = config;
  const { sessionTimeoutMs } = aggregation;
  const present = await readableTopics();
  if (signal.aborted) return;
  if (present.length === 0) throw new Error('none of the topics exists yet and may be read');
  const consumer = client.consumer({
    groupId: aggregation.groupId,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: sessionTimeoutMs,
    heartbeatInterval: sessionTimeoutMs / HEARTBEATS_PER_SESSION,
    metadataMaxAge: kafka.metadataRefreshMs,
    maxWaitTimeInMs: kafka.fetchMaxWaitMs,
    maxBytes: kafka.fetchMaxBytes,
    maxBytesPerPartition: kafka.fetchPartitionBytes,
    allowAutoTopicCreation: false,
    retry: { ...retry, restartOnFailure: async () => false },
  });

  let isOver = false;
  let end: (fault: Error | null) => void = () => undefined;
  const ended = new Promise<Error | null>((resolve) => {
    end = resolve;
  });
  const onStop = () => end(null);
  /** Unless it is one that kafkajs meets too, at its next heartbeat at the latest, and answers by joining again. */
  const giveUp = (error: Error) => {
    if (!isRejoin(error)) end(error);
  };
  signal.addEventListener('abort', onStop);
  const watchdog = setTimeout(
    () => end(new Error('the consumer group does not answer')),
    sessionTimeoutMs * SILENT_SESSIONS,
  );
  const lookout = setInterval(() => {
    readableTopics().then(
      (now) => now.length !== present.length && end(null),
      (error) => logger.debug({ err: error }, 'Lookup of missing topics failed'),
    );
  }, kafka.metadataRefreshMs);
  const windows = createWindows(giveUp);

  consumer.on(consumer.events.REBALANCING, windows.restart);
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    // Before the next fetch, which begins at the committed offsets.
    windows.restart();
    watchdog.refresh();
    onJoined();
    logger.info({ partitions: payload.memberAssignment }, 'Partitions assigned');
  });
  consumer.on(consumer.events.HEARTBEAT, () => void watchdog.refresh());
  consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));

  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    try {
      const taken = await windows.add(ownedBatchOf(payload));
      if (taken) payload.resolveOffset(payload.batch.messages.at(-1)!.offset);
    } catch (error) {
      giveUp(error as Error);
      throw error;
    }
  }

  async function start(): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...present], fromBeginning: true });
    // A consumer that was given up meanwhile would start for good.
    if (isOver) return;
    // It has not joined yet when this resolves, nor does it reject when it cannot: see GROUP_JOIN and CRASH.
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
  }

  start().catch(end);
  const fault = await ended;
  isOver = true;
  signal.removeEventListener('abort', onStop);
  clearTimeout(watchdog);
  clearInterval(lookout);
  await leave(consumer, windows.close(), shutdown.finishMs, logger);
  if (fault !== null) throw fault;
}

function ownedBatchOf({ batch, heartbeat, commitOffsetsIfNecessary }: EachBatchPayload): OwnedBatch {
  const { topic, partition, messages } = batch;
  const commit = (next: bigint) =>
    // Unlike consumer.commitOffsets this one tries once: a later try could fall into the next join.
    commitOffsetsIfNecessary({
      topics: [{ topic, partitions: [{ partition, offset: String(next) }] }],
    });
  return { topic, partition, records: messages.map(logRecordOf), owner: { commit, heartbeat } };
}

/** kafkajs may wait for an absent broker much longer than anybody wants to. */
async function leave(
  consumer: Consumer,
  published: Promise<void>,
  finishMs: number,
  logger: Logger,
): Promise<void> {
  const patience = new AbortController();
  const left = published
    .then(() => consumer.disconnect())
    .catch((error: unknown) => logger.debug({ err: error }, 'Leaving the consumer group failed'));
  await Promise.race([left, pause(finishMs, patience.signal)]);
  patience.abort();
}

/** Errors at which kafkajs's runner joins the group again. */
const REJOINED = [
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'NOT_COORDINATOR_FOR_GROUP',
  'UNKNOWN_MEMBER_ID',
];

function isRejoin(error: unknown): boolean {
  return REJOINED.includes((error as { type?: string }).type ?? '');
}
