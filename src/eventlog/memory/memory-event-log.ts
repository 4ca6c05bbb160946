import { randomBytes } from 'node:crypto';
import type { AppendConfig, Config } from '../../config';
import { GatewayError } from '../../errors';
import type { Logger } from '../../logger';
import type {
  AppendResult,
  ConnectionStatus,
  EventLog,
  LogLayout,
  NewRecord,
  TopicPartition,
} from '../event-log';
import { contentBytes, LogCounter } from '../records';
import { Fifo } from './fifo';
import { LEADER_EPOCH, MemoryPartition, SERVED } from './memory-partition';
import { MemoryTail } from './memory-tail';
import { rejectAll, WaitingAppends } from './waiting-appends';

interface MemoryEventLogOptions {
  /** Bounds of the history, over all topics; the oldest records go first. */
  readonly config: Config['memoryLog'];
  readonly append: AppendConfig;
  readonly topics: readonly string[];
  readonly logger: Logger;
}

/**
 * The embedded event log: one partition a topic, in memory, gone when the gateway ends. Records that the tail has not
 * read yet are never dropped: while the log is full of them, because the tail is paused, appends wait and fail at their
 * deadline.
 */
export function createMemoryEventLog({ config, append, topics, logger }: MemoryEventLogOptions): EventLog {
  const clusterId = randomBytes(16).toString('base64url');
  const partitions = new Map(topics.map((topic) => [topic, new MemoryPartition(topic)]));
  /** The partition of each record held, oldest first. */
  const history = new Fifo<MemoryPartition>();
  const waiting = new WaitingAppends(append);
  const counter = new LogCounter(topics);
  let heldBytes = 0;
  let tail: MemoryTail | null = null;
  let state: 'connected' | 'closed' = 'connected';
  let stateSince = new Date().toISOString();
  let draining = false;
  let closing: Promise<void> | null = null;

  function layout(timeMs?: number): LogLayout {
    const bounds = [...partitions.values()].map((partition) => partition.bounds(timeMs));
    return { clusterId, partitions: bounds, unavailable: [] };
  }

  function hasRoom(records: number, bytes: number): boolean {
    let undelivered = { records: 0, bytes: 0 };
    for (const partition of partitions.values()) {
      const more = partition.undelivered;
      undelivered = { records: undelivered.records + more.records, bytes: undelivered.bytes + more.bytes };
    }
    if (undelivered.records === 0) return true;
    return undelivered.records + records <= config.records && undelivered.bytes + bytes <= config.bytes;
  }

  function store(records: readonly NewRecord[]): readonly AppendResult[] {
    const results = records.map((record): AppendResult => {
      const { topic } = record;
      const partition = partitions.get(topic);
      if (partition === undefined) {
        return { ok: false, error: new GatewayError('unknown-topic', `there is no topic ${topic} here`) };
      }
      history.push(partition);
      heldBytes += contentBytes(record);
      return { ok: true, topic, partition: 0, offset: partition.append(record), leaderEpoch: LEADER_EPOCH };
    });
    counter.appended(results);
    trim();
    tail?.wake();
    return results;
  }

  function trim(): void {
    while (history.length > config.records || heldBytes > config.bytes) {
      const freed = history.at(0)?.dropOldest() ?? null;
      if (freed === null) return;
      history.shift();
      heldBytes -= freed;
    }
  }

  function admitWaiting(): void {
    trim();
    waiting.admit(hasRoom, store);
  }

  function partitionAt({ topic, partition }: TopicPartition): MemoryPartition {
    const found = partition === 0 ? partitions.get(topic) : undefined;
    if (found === undefined) {
      throw new GatewayError('unknown-topic', `there is no partition ${topic}/${partition}`);
    }
    return found;
  }

  function connection(): ConnectionStatus {
    return { connected: state === 'connected', state, stateSince, lastError: null, throttledUntil: null };
  }

  async function close(deadlineMs: number): Promise<void> {
    draining = true;
    await waiting.finish(deadlineMs);
    await tail?.close();
    state = 'closed';
    stateSince = new Date().toISOString();
  }

  return {
    async append(records) {
      if (draining) return rejectAll(records, new GatewayError('draining'));
      const bytes = records.reduce((sum, record) => sum + contentBytes(record), 0);
      if (!waiting.isEmpty || !hasRoom(records.length, bytes)) return waiting.add(records, bytes);
      return store(records);
    },
    tail(listener) {
      if (tail !== null) throw new Error('this log is tailed already');
      tail = new MemoryTail({
        partitions: [...partitions.values()],
        batchRecords: append.batchRecords,
        retryMs: config.retryMs,
        layout,
        listener,
        logger,
        onDelivered: admitWaiting,
      });
      return tail;
    },
    async read(partition, from, to, { maxBytes, signal }) {
      signal?.throwIfAborted();
      return partitionAt(partition).read(from, to, maxBytes);
    },
    async bounds(options) {
      return layout(options?.timeMs);
    },
    async epochEnds(asked) {
      return asked.map((query) => partitionAt(query).epochEnd());
    },
    status: () => ({
      eventLog: 'memory',
      producer: connection(),
      consumer: {
        ...connection(),
        partitions: [...partitions.values()].map((partition) => partition.status()),
      },
      topics: [...partitions.values()].map((partition) => ({
        topic: partition.topic,
        read: partition.status().read,
        append: SERVED,
        missingRights: { read: null, write: null },
      })),
      counts: counter.counts(waiting),
    }),
    close(deadlineMs) {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
}
