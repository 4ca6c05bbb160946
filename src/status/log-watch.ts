import type { EventLog, LogStatus, Service, TopicPartition } from '../eventlog/event-log';
import { keyOf } from '../eventlog/records';
import type { Logger } from '../logger';
import { type LogTroubles, NO_TROUBLES, type TroubleReason, troubleNews } from '../sse/outage-notice';
import type { StreamStatus } from '../wire/gateway-events';
import { heldBackFor } from './health';

interface LogWatchDeps {
  readonly log: Pick<EventLog, 'status'>;
  readonly everyMs: number;
  /** Base channel of a topic in use. */
  readonly baseOf: (topic: string) => string;
  /** A change to announce to the streams that may see channels below `scope`; null: to all streams. */
  readonly onNews: (status: StreamStatus, scope: string | null) => void;
  /** After this long an open transaction that blocks a partition is logged. */
  readonly heldBackMs: number;
  /** Called at each check with the partitions that cannot be read although others can. */
  readonly onUnread: (partitions: readonly TopicPartition[]) => void;
  readonly logger: Logger;
}

export interface LogWatch {
  /** The state after the last `onNews`. */
  troubles(): LogTroubles;
  stop(): void;
}

const REASONS: Partial<Record<Service['state'], TroubleReason>> = {
  interrupted: 'unreachable',
  missing: 'missing',
  forbidden: 'forbidden',
  waiting: 'schema-registry',
};

/** Polls the state of the event log, announces changes to streams and logs them. */
export function startLogWatch(deps: LogWatchDeps): LogWatch {
  const { log, everyMs, baseOf, heldBackMs, onNews, onUnread, logger } = deps;
  let troubles = NO_TROUBLES;
  const logged = new Map<string, Service['state']>();
  const heldBack = new Map<string, TopicPartition>();

  function check(): void {
    const status = log.status();
    const now = troublesOf(status, troubles);
    if (!isSame(troubles, now)) {
      const news = troubleNews(troubles, now, baseOf);
      troubles = now;
      for (const { place, status: told } of news) onNews(told, place);
    }
    if (!status.consumer.connected) return;
    const unread = status.consumer.partitions.filter(({ read }) => read.state !== 'ok');
    if (unread.length > 0) onUnread(unread);
    logHeldBack(status);
    for (const { topic, read, append } of status.topics) {
      logChange('read', topic, read, unread);
      logChange('append', topic, append, []);
    }
  }

  /** Not called while all of Kafka is unreachable, which the connections log. */
  function logChange(
    what: 'read' | 'append',
    topic: string,
    { state, detail }: Service,
    unread: LogStatus['consumer']['partitions'],
  ): void {
    const key = `${what} ${topic}`;
    if (state === 'starting' || state === (logged.get(key) ?? 'ok')) return;
    logged.set(key, state);
    if (state === 'ok') {
      logger.info({ topic, what }, 'Topic recovered');
      return;
    }
    const partitions = unread.filter((status) => status.topic === topic).map(({ partition }) => partition);
    logger.warn(
      { topic, what, state, detail, ...(partitions.length > 0 && { partitions }) },
      'Topic unavailable',
    );
  }

  function logHeldBack({ consumer }: LogStatus): void {
    const found = heldBackFor(consumer.partitions, heldBackMs);
    const keys = new Set(found.map(keyOf));
    for (const status of found) {
      const { topic, partition, lastStableOffset, heldBackSince } = status;
      if (heldBack.has(keyOf(status))) continue;
      heldBack.set(keyOf(status), { topic, partition });
      logger.warn(
        { topic, partition, lastStableOffset: String(lastStableOffset), since: heldBackSince },
        'Open transaction blocks a partition',
      );
    }
    for (const [key, { topic, partition }] of heldBack) {
      if (keys.has(key)) continue;
      heldBack.delete(key);
      logger.info({ topic, partition }, 'Open transaction ended');
    }
  }

  const timer = setInterval(check, everyMs);
  return { troubles: () => troubles, stop: () => clearInterval(timer) };
}

/** Before the first connection it counts as starting, not as unreachable. */
function troublesOf({ consumer, topics }: LogStatus, before: LogTroubles): LogTroubles {
  if (!consumer.connected) {
    return consumer.state === 'starting' ? before : { isAway: true, topics: NO_TROUBLES.topics };
  }
  const found = new Map<string, TroubleReason>();
  for (const { topic, read } of topics) {
    // Being looked up again: the last announced state holds until the answer.
    const reason = read.state === 'starting' ? before.topics.get(topic) : REASONS[read.state];
    if (reason !== undefined) found.set(topic, reason);
  }
  return { isAway: false, topics: found };
}

function isSame(a: LogTroubles, b: LogTroubles): boolean {
  return (
    a.isAway === b.isAway &&
    a.topics.size === b.topics.size &&
    [...a.topics].every(([topic, reason]) => b.topics.get(topic) === reason)
  );
}
