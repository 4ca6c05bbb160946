import type { AppendConfig, KafkaConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { Logger } from '../../logger';
import type { ConnectionStatus, EventLog, LogLayout, Service } from '../event-log';
import { createLogCounter, type LogOperation } from '../log-counts';
import { Appender } from './appender';
import type { LinkWatch } from './cluster/broker-links';
import { Cluster } from './cluster/cluster';
import { createConnectionLog } from './cluster/connection-error';
import { type ConnectionState, createConnectionState } from './connection-state';
import { KafkaTail } from './kafka-tail';
import { RangeReader } from './range-reader';

export interface KafkaEventLogOptions {
  readonly kafka: KafkaConfig;
  readonly append: AppendConfig;
  /** Names of the topics to serve; those that may be created are, when missing. */
  readonly topics: readonly string[];
  readonly logger: Logger;
  /** Called with how long a produce request took that the brokers answered with success. */
  readonly onProduced?: (durationMs: number) => void;
}

const CHECKS_PER_LIVENESS = 8;

/**
 * The log on Apache Kafka. Returns at once; brokers that are absent are waited for in the background. Cluster
 * questions, appends, the tail and range reads have connections of their own.
 */
export function createKafkaEventLog({
  kafka,
  append,
  topics,
  logger,
  onProduced = () => undefined,
}: KafkaEventLogOptions): EventLog {
  const report = (side: string) => (status: ConnectionStatus) => {
    const level = status.state === 'interrupted' ? 'warn' : 'info';
    const { lastError } = status;
    const isOver = lastError === null || lastError.resolvedAt !== null;
    logger[level](isOver ? {} : { error: lastError.message }, `Kafka ${side}: ${status.state}`);
  };
  const producer = createConnectionState(report('producer'), kafka.livenessMs);
  const consumer = createConnectionState(report('consumer'), kafka.livenessMs);
  const counter = createLogCounter(topics);
  const connectionFailed = createConnectionLog(logger);
  const watchOf = (operation: LogOperation): LinkWatch => ({
    failed: connectionFailed,
    throttled: (forMs) => counter.throttled(operation, forMs),
  });
  let tail: KafkaTail | null = null;
  let closing: Promise<void> | null = null;

  const cluster = new Cluster({
    kafka,
    topics,
    logger,
    watch: watchOf('metadata'),
    onView(view) {
      appender.follow(view);
      if (tail === null) consumer.becameConnected();
      else tail.follow(view);
    },
    onUnreachable(error) {
      counter.failed('metadata');
      appender.lostCluster(error);
      if (tail === null) consumer.failed(error);
      else tail.lostCluster(error);
    },
  });
  const appender = new Appender({
    kafka,
    append,
    topics,
    logger,
    cluster,
    watch: watchOf('produce'),
    state: producer,
    onProduced,
    onFailure: () => counter.failed('produce'),
  });
  const ranges = new RangeReader({
    kafka,
    logger,
    cluster,
    watch: watchOf('read'),
    onFailure: () => counter.failed('read'),
  });
  const liveness = setInterval(() => {
    // After a stall of this process answers may be waiting in the sockets: let them be read first.
    setImmediate(() => {
      appender.checkLiveness();
      tail?.checkLiveness();
    });
  }, kafka.livenessMs / CHECKS_PER_LIVENESS);

  /** Bounds take the right to describe only; what the tail may not read cannot be had. */
  function withoutForbidden(layout: LogLayout): LogLayout {
    const forbidden = layout.partitions.filter(
      (partition) => tail?.partitions.isForbidden(partition) === true,
    );
    if (forbidden.length === 0) return layout;
    return {
      ...layout,
      partitions: layout.partitions.filter((partition) => !forbidden.includes(partition)),
      unavailable: [
        ...layout.unavailable,
        ...forbidden.map(({ topic, partition, topicId }) => ({
          topic,
          partition,
          topicId,
          reason: 'forbidden' as const,
        })),
      ],
    };
  }

  async function close(deadlineMs: number): Promise<void> {
    await appender.flush(deadlineMs);
    clearInterval(liveness);
    ranges.close();
    // Together, since each may be waiting for an answer of the cluster, which closing it ends.
    await Promise.all([appender.close(), tail?.close(), cluster.close()]);
    producer.becameClosed();
    consumer.becameClosed();
  }

  return {
    async append(records) {
      const results = await appender.append(records);
      counter.appended(results);
      return results;
    },
    tail(listener) {
      if (tail !== null) throw new Error('this log is tailed already');
      tail = new KafkaTail({
        kafka,
        topics,
        logger,
        cluster,
        listener,
        watch: watchOf('fetch'),
        state: consumer,
        onFailure: () => counter.failed('fetch'),
      });
      return tail;
    },
    read: (partition, from, to, limits) => ranges.read(partition, from, to, limits),
    async bounds(options) {
      try {
        // A tail finds out by itself what may not be read.
        return withoutForbidden(await cluster.layout({ ...options, mustBeReadable: tail === null }));
      } catch (cause) {
        throw new GatewayError('log-unavailable', undefined, { cause });
      }
    },
    async epochEnds(asked) {
      try {
        return await cluster.epochEnds(asked);
      } catch (cause) {
        throw new GatewayError('log-unavailable', undefined, { cause });
      }
    },
    status() {
      const read = tail?.partitions.services();
      return {
        eventLog: 'kafka',
        producer: { ...producer.status(), throttledUntil: timeOf(appender.throttledUntilMs) },
        consumer: {
          ...consumer.status(),
          throttledUntil: timeOf(tail?.throttledUntilMs ?? null),
          partitions: tail?.partitions.statuses() ?? [],
        },
        topics: topics.map((topic) => ({
          topic,
          read: read?.get(topic) ?? serviceOf(consumer),
          append: appender.topic(topic),
        })),
        counts: {
          stored: counter.stored,
          failures: counter.failures,
          throttledMs: counter.throttledMs,
          ...appender.queued,
        },
      };
    },
    close(deadlineMs) {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
}

function timeOf(unixMs: number | null): string | null {
  return unixMs === null ? null : new Date(unixMs).toISOString();
}

function serviceOf(connection: ConnectionState): Service {
  const { state, stateSince: since, lastError } = connection.status();
  if (state === 'connected') return { state: 'ok', since, detail: null };
  const detail = lastError?.message ?? null;
  return { state: state === 'starting' ? 'starting' : 'interrupted', since, detail };
}
