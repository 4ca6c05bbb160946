import type { AppendConfig, KafkaConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { Logger } from '../../logger';
import type { ConnectionStatus, EventLog, LogLayout, Service, TopicPartition } from '../event-log';
import { LogCounter, type LogOperation } from '../records';
import { Appender } from './appender';
import { Cluster } from './cluster/cluster';
import { createConnectionLog } from './cluster/connection-error';
import { type ConnectionState, createConnectionState } from './connection-state';
import { KafkaTail } from './kafka-tail';
import { RangeReader } from './range-reader';
import { missingRights } from './service';

interface KafkaEventLogOptions {
  readonly kafka: KafkaConfig;
  readonly append: AppendConfig;
  /** Names of the topics to serve; those that may be created are, when missing. */
  readonly topics: readonly string[];
  readonly logger: Logger;
  /** Called with how long a produce request took that the brokers answered with success. */
  readonly onProduced?: (durationMs: number) => void;
}

const CHECKS_PER_SILENCE = 8;

/** The event log on Apache Kafka. Returns at once, and waits for absent brokers in the background. */
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
  const producer = createConnectionState(report('producer'), kafka.silenceMs);
  const consumer = createConnectionState(report('consumer'), kafka.silenceMs);
  const counter = new LogCounter(topics);
  const connectionFailed = createConnectionLog(logger);
  const useOf = (operation: LogOperation) => ({
    kafka,
    topics,
    logger,
    watch: {
      failed: connectionFailed,
      requestFailed: () => counter.failed(operation),
      throttled: (forMs: number) => counter.throttled(operation, forMs),
    },
  });
  let tail: KafkaTail | null = null;
  let closing: Promise<void> | null = null;

  const cluster = new Cluster({
    ...useOf('metadata'),
    onView(view) {
      appender.partitions.follow(view);
      if (tail === null) consumer.becameConnected();
      else tail.follow(view);
    },
    onUnreachable(error) {
      counter.failed('metadata');
      appender.partitions.lostCluster(error);
      if (tail === null) consumer.failed(error);
      else tail.lostCluster(error);
    },
  });
  const appender = new Appender({
    ...useOf('produce'),
    append,
    cluster,
    state: producer,
    counter,
    onProduced,
  });
  const ranges = new RangeReader({ ...useOf('read'), cluster });
  const liveness = setInterval(() => {
    // After a stall of this gateway answers may be waiting in the sockets: let them be read first.
    setImmediate(() => {
      appender.partitions.checkLiveness();
      tail?.checkLiveness();
    });
  }, kafka.silenceMs / CHECKS_PER_SILENCE);

  /** Bounds need only the right to describe: partitions that the tail may not read become unavailable here. */
  function withoutForbidden({ clusterId, partitions, unavailable }: LogLayout): LogLayout {
    const isForbidden = (partition: TopicPartition) => tail?.partitions.isForbidden(partition) === true;
    const forbidden = partitions
      .filter(isForbidden)
      .map(({ topic, partition, topicId }) => ({ topic, partition, topicId, reason: 'forbidden' as const }));
    return {
      clusterId,
      partitions: partitions.filter((partition) => !isForbidden(partition)),
      unavailable: [...unavailable, ...forbidden],
    };
  }

  async function close(deadlineMs: number): Promise<void> {
    await appender.flush(deadlineMs);
    clearInterval(liveness);
    ranges.close();
    // Together: each may be waiting for an answer that ends only when the cluster closes.
    await Promise.all([appender.close(), tail?.close(), cluster.close()]);
    producer.becameClosed();
    consumer.becameClosed();
  }

  return {
    append: (records) => appender.append(records),
    tail(listener) {
      if (tail !== null) throw new Error('this log is tailed already');
      tail = new KafkaTail({ ...useOf('fetch'), cluster, listener, state: consumer });
      return tail;
    },
    read: (partition, from, to, limits) => ranges.read(partition, from, to, limits),
    bounds: (options) =>
      // A tail finds out by itself what may not be read.
      reached(cluster.layout({ ...options, mustBeReadable: tail === null }).then(withoutForbidden)),
    epochEnds: (asked) => reached(cluster.epochEnds(asked)),
    status() {
      const read = tail?.partitions.services();
      return {
        eventLog: 'kafka',
        producer: { ...producer.status(), throttledUntil: timeOf(appender.partitions.throttledUntilMs) },
        consumer: {
          ...consumer.status(),
          throttledUntil: timeOf(tail?.throttledUntilMs ?? null),
          partitions: tail?.partitions.statuses() ?? [],
        },
        topics: topics.map((topic) => ({
          topic,
          read: read?.get(topic) ?? serviceOf(consumer),
          append: appender.partitions.service(topic),
          missingRights: missingRights(kafka, topic, cluster.view?.rights.get(topic)),
        })),
        counts: counter.counts(appender.partitions.queued),
      };
    },
    close(deadlineMs) {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
}

/** @throws GatewayError `log-unavailable` when the cluster does not answer */
function reached<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((cause: Error) => {
    throw new GatewayError('log-unavailable', undefined, { cause });
  });
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
