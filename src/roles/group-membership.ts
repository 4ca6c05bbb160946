import { atMost } from '../backoff';
import type { Config } from '../config';
import { type CreateConsumer, type EachBatchPayload, logRecordOf } from '../eventlog/kafka/cluster/group';
import type { Logger } from '../logger';
import type { OwnedBatch, PartitionWindows } from './partition-windows';

interface GroupMembershipOptions {
  readonly createConsumer: CreateConsumer;
  readonly config: Pick<Config, 'aggregation' | 'kafka' | 'shutdown'>;
  /** Topics that exist and may be read. @throws when Kafka is unreachable */
  readonly readableTopics: () => Promise<readonly string[]>;
  /** Creates the windows of the partitions; `onFailure` gets errors that `add` cannot throw. */
  readonly createWindows: (onFailure: (error: Error) => void) => PartitionWindows;
  /** Called after each rebalance, when this member has partitions. */
  readonly onJoined: () => void;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

const HEARTBEATS_PER_SESSION = 4;
/** Session timeouts without a heartbeat after which the consumer is closed; joining may take one by itself. */
const SILENT_SESSIONS = 3;

/**
 * One membership in the consumer group: until something fails, a missing topic appears or the signal aborts. Has left
 * the group when it resolves.
 *
 * @throws Error the failure; also when no topic exists and may be read
 */
export async function joinGroup(options: GroupMembershipOptions): Promise<void> {
  const { createConsumer, config, readableTopics, createWindows, onJoined, signal, logger } = options;
  const { aggregation, kafka, shutdown } = config;
  const { sessionTimeoutMs } = aggregation;
  const present = await readableTopics();
  if (signal.aborted) return;
  if (present.length === 0) throw new Error('no topic exists yet and may be read');
  const consumer = createConsumer({
    groupId: aggregation.groupId,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: sessionTimeoutMs,
    heartbeatInterval: sessionTimeoutMs / HEARTBEATS_PER_SESSION,
    metadataMaxAge: kafka.metadataRefreshMs,
    maxWaitTimeInMs: kafka.fetchMaxWaitMs,
    maxBytes: kafka.fetchMaxBytes,
    maxBytesPerPartition: kafka.fetchPartitionBytes,
  });

  let isOver = false;
  let end: (fault: Error | null) => void = () => undefined;
  const ended = new Promise<Error | null>((resolve) => {
    end = resolve;
  });
  const onStop = () => end(null);
  /** Not for rebalances, which kafkajs notices itself, at its next heartbeat at the latest, and joins again. */
  const giveUp = (error: Error) => {
    if (!isRejoin(error)) end(error);
  };
  signal.addEventListener('abort', onStop);
  const watchdog = setTimeout(
    () => end(new Error('no heartbeat of the consumer group')),
    sessionTimeoutMs * SILENT_SESSIONS,
  );
  const missingTopicsCheck = setInterval(() => {
    readableTopics().then(
      (now) => now.length !== present.length && end(null),
      (error) => logger.debug({ err: error }, 'Lookup of missing topics failed'),
    );
  }, kafka.metadataRefreshMs);
  const windows = createWindows(giveUp);

  consumer.on(consumer.events.REBALANCING, windows.restart);
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    // Before the next fetch, which starts at the committed offsets.
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
    // Closed meanwhile: `run` would start it after all.
    if (isOver) return;
    // Resolves before it has joined, and does not reject when it cannot join: see GROUP_JOIN and CRASH.
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
  }

  start().catch(end);
  const fault = await ended;
  isOver = true;
  signal.removeEventListener('abort', onStop);
  clearTimeout(watchdog);
  clearInterval(missingTopicsCheck);
  const left = windows
    .close()
    .then(() => consumer.disconnect())
    .catch((error: unknown) => logger.debug({ err: error }, 'Leaving the consumer group failed'));
  // kafkajs may wait much longer for an unreachable broker.
  await atMost(shutdown.finishMs, left);
  if (fault !== null) throw fault;
}

function ownedBatchOf({ batch, heartbeat, commitOffsetsIfNecessary }: EachBatchPayload): OwnedBatch {
  const { topic, partition, messages } = batch;
  const commit = (next: bigint) =>
    // Tries once, unlike consumer.commitOffsets: a retry could run after the next rebalance.
    commitOffsetsIfNecessary({
      topics: [{ topic, partitions: [{ partition, offset: String(next) }] }],
    });
  return { topic, partition, records: messages.map(logRecordOf), owner: { commit, heartbeat } };
}

/** Errors after which kafkajs's runner joins the group again. */
const REJOINED = [
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'NOT_COORDINATOR_FOR_GROUP',
  'UNKNOWN_MEMBER_ID',
];

function isRejoin(error: unknown): boolean {
  return REJOINED.includes((error as { type?: string }).type ?? '');
}
