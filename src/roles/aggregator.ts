import { createBackoff } from '../backoff';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { EventLog, NewRecord } from '../eventlog/event-log';
import { createGroupConsumers, isKafkajsError } from '../eventlog/kafka/cluster/group';
import { EVENT_HEADER } from '../events/record-event';
import type { Logger } from '../logger';
import type { AggregationWindow } from './aggregation-window';
import { joinGroup } from './group-membership';
import { createPartitionWindows } from './partition-windows';

interface AggregatorDeps {
  /** Receives the summaries; the summary topic must be among its topics. */
  readonly log: EventLog;
  readonly topics: readonly string[];
  readonly config: Pick<Config, 'aggregation' | 'append' | 'kafka' | 'shutdown' | 'summaryTopic'>;
  readonly logger: Logger;
}

/**
 * Aggregates events in windows, per partition, and appends a summary of each window to the summary topic. All
 * aggregators are one consumer group, so that each partition has one owner. After a failure it joins the group again,
 * with backoff, and resumes from the committed offsets.
 */
export function startAggregator({ log, topics, config, logger }: AggregatorDeps): { stop(): Promise<void> } {
  const { aggregation, append, kafka, summaryTopic } = config;
  const createConsumer = createGroupConsumers(kafka, logger);
  const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
  const stopping = new AbortController();
  let isFailing = false;

  async function publish(windows: readonly AggregationWindow[]): Promise<void> {
    const results = await log.append(windows.map((window) => summaryRecord(window, summaryTopic)));
    for (const result of results) if (!result.ok) throw result.error;
  }

  /** Topics that exist and may be read: a forbidden one would fail the consumer for all of them. */
  async function readableTopics(): Promise<readonly string[]> {
    const { partitions, unavailable } = await log.bounds();
    const forbidden = new Set(
      unavailable.filter(({ reason }) => reason === 'forbidden').map(({ topic }) => topic),
    );
    const found = new Set([...partitions, ...unavailable].map(({ topic }) => topic));
    return topics.filter((name) => found.has(name) && !forbidden.has(name));
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await joinGroup({
          createConsumer,
          config,
          readableTopics,
          createWindows: (onFailure) =>
            createPartitionWindows({
              config: aggregation,
              publish,
              maxPublished: append.batchRecords,
              onFailure,
            }),
          onJoined() {
            backoff.reset();
            isFailing = false;
          },
          signal: stopping.signal,
          logger,
        });
      } catch (error) {
        // Only the first failure in a row: an unreachable Kafka would flood the logs.
        const level = isFailing ? 'debug' : 'warn';
        isFailing = true;
        const isOfKafka = error instanceof GatewayError || isKafkajsError(error);
        const why = isOfKafka ? { error: (error as Error).message } : { err: error };
        logger[level]({ ...why, topics }, 'Aggregation interrupted; resuming from the committed offsets');
      }
      await backoff.wait(stopping.signal);
    }
  }

  const running = run();
  return {
    /** Finishes appends in flight and leaves the group, so that its partitions are reassigned at once. */
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
    headers: [{ key: EVENT_HEADER, value: Buffer.from('summary') }],
  };
}
