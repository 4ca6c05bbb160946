import { type Consumer, type EachBatchPayload, Kafka } from 'kafkajs';
import type { Config } from '../config';
import type { EventLog, NewRecord } from '../eventlog/event-log';
import { createBackoff, pause } from '../eventlog/kafka/backoff';
import { kafkaClientOptions } from '../eventlog/kafka/client-options';
import { logRecordOf, registerCodecs } from '../eventlog/kafka/kafkajs-message';
import type { Logger } from '../logger';
import type { AggregationWindow } from './aggregation-window';
import { createPartitionWindows } from './partition-windows';

export interface AggregatorDeps {
  /** Takes the summaries; it must serve the summary topic too. */
  readonly log: EventLog;
  /** Names of the topics to aggregate. */
  readonly topics: readonly string[];
  readonly config: Pick<Config, 'aggregation' | 'append' | 'kafka' | 'shutdown' | 'summaryTopic'>;
  readonly logger: Logger;
}

export interface Aggregator {
  /** Finishes what is being published and leaves the group, so that the others take over at once. */
  stop(): Promise<void>;
}

const HEARTBEATS_PER_SESSION = 4;
/** Sessions without a heartbeat after which the consumer is given up: joining takes up to one of its own. */
const SILENT_SESSIONS = 3;

/**
 * Sums up events in windows, partition by partition, and appends a summary of each to the summary topic. All
 * aggregators are one consumer group, so that each partition has one of them.
 *
 * kafkajs's consumer is built anew whenever it fails, from the committed offsets. It is not left to restart itself:
 * such a restart cannot be called off (`onCrash` in kafkajs/src/consumer/index.js).
 */
export function startAggregator({ log, topics, config, logger }: AggregatorDeps): Aggregator {
  const { aggregation, kafka, summaryTopic } = config;
  const { sessionTimeoutMs } = aggregation;
  const options = kafkaClientOptions(kafka, logger);
  const client = new Kafka(options);
  const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
  const stopping = new AbortController();
  let isFailing = false;
  registerCodecs();

  async function publish(windows: readonly AggregationWindow[]): Promise<void> {
    const results = await log.append(windows.map((window) => summaryRecord(window, summaryTopic)));
    for (const result of results) if (!result.ok) throw result.error;
  }

  /** @throws when Kafka is away or has none of the topics */
  async function existing(): Promise<readonly string[]> {
    const { partitions } = await log.bounds();
    return topics.filter((name) => partitions.some(({ topic }) => topic === name));
  }

  /** From one join of the group until something fails, a missing topic appears or this process stops. */
  async function consume(): Promise<void> {
    const present = await existing();
    if (present.length === 0) throw new Error(`none of the topics ${topics.join(', ')} exists yet`);
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
      retry: { ...options.retry, restartOnFailure: async () => false },
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
    stopping.signal.addEventListener('abort', onStop);
    const watchdog = setTimeout(
      () => end(new Error('the consumer group does not answer')),
      sessionTimeoutMs * SILENT_SESSIONS,
    );
    const lookout = setInterval(() => {
      existing().then(
        (now) => now.length !== present.length && end(null),
        (error) => logger.debug({ err: error }, 'topics that are missing cannot be looked for'),
      );
    }, kafka.metadataRefreshMs);
    const windows = createPartitionWindows({
      config: aggregation,
      publish,
      maxPublished: config.append.batchRecords,
      onFailure: giveUp,
    });

    consumer.on(consumer.events.REBALANCING, windows.restart);
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      // Before the next fetch, which begins at the committed offsets.
      windows.restart();
      watchdog.refresh();
      backoff.reset();
      isFailing = false;
      logger.info({ partitions: payload.memberAssignment }, 'aggregating');
    });
    consumer.on(consumer.events.HEARTBEAT, () => void watchdog.refresh());
    consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));

    async function eachBatch(payload: EachBatchPayload): Promise<void> {
      const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary } = payload;
      const { topic, partition, messages } = batch;
      const commit = (next: bigint) =>
        // Unlike consumer.commitOffsets this one tries once: a later try could fall into the next join.
        commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition, offset: String(next) }] }],
        });
      const records = messages.map(logRecordOf);
      try {
        const taken = await windows.add({ topic, partition, records, owner: { commit, heartbeat } });
        if (taken) resolveOffset(messages.at(-1)!.offset);
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
    stopping.signal.removeEventListener('abort', onStop);
    clearTimeout(watchdog);
    clearInterval(lookout);
    await leave(consumer, windows.close());
    if (fault !== null) throw fault;
  }

  /** kafkajs may wait for an absent broker much longer than anybody wants to. */
  async function leave(consumer: Consumer, published: Promise<void>): Promise<void> {
    const patience = new AbortController();
    const left = published
      .then(() => consumer.disconnect())
      .catch((error: unknown) => logger.debug({ err: error }, 'the consumer did not leave its group'));
    await Promise.race([left, pause(config.shutdown.finishMs, patience.signal)]);
    patience.abort();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await consume();
      } catch (error) {
        // Only changes are told: a Kafka that is away would fill our log.
        const level = isFailing ? 'debug' : 'warn';
        isFailing = true;
        logger[level]({ err: error }, 'not aggregating; it goes on from the committed offsets');
      }
      await backoff.wait(stopping.signal);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function summaryRecord(window: AggregationWindow, topic: string): NewRecord {
  return {
    topic,
    key: window.id,
    value: Buffer.from(JSON.stringify(window.summary(Date.now()))),
    headers: [{ key: 'event', value: Buffer.from('summary') }],
  };
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
