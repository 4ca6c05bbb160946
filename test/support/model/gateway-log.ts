import { GatewayError } from '../../../src/errors';
import type {
  EventLog,
  JoinedPartition,
  LogLayout,
  Tail,
  TailListener,
  UnavailablePartition,
} from '../../../src/eventlog/event-log';
import type { ArrayLog, Stored } from './array-log';

/** Bytes that a read counts for each record against its limit. */
const RECORD_BYTES = 10;

/**
 * `now`: the current state; `stale`: the state when the question was asked; `behind`: once per gateway and for bounds
 * only, the answer of a broker that lags behind the others.
 */
export type Answer = 'now' | 'stale' | 'behind';

/** A request to the event log that is not answered yet. */
export interface Question {
  answer(how: Answer): void;
  fail(): void;
}

/** A record from the tail, or a gap (`entry` null). */
export interface ReadItem {
  readonly partition: number;
  readonly offset: number;
  readonly entry: Stored | null;
}

/** In the list of what was read, an event of the gateway itself. */
export const STATUS: ReadItem = { partition: -1, offset: -1, entry: null };

/** The event log as one gateway sees it: delivers and answers only when a step says so. Partitions are indexes of the list. */
export interface GatewayLog {
  readonly eventLog: EventLog;
  readonly questions: Question[];
  /** What the tail delivered, in order. */
  readonly read: ReadItem[];
  /** By partition, the first offset that this gateway learned of; after a topic is created again, where it reads from. */
  readonly firstSeen: readonly (number | undefined)[];
  /** By partition, the next offset that the tail reads. */
  readonly positions: readonly (number | undefined)[];
  /** Delivers up to `count` records, or the next gap, unless the tail is paused. False if there is nothing. */
  deliver(partition: number, count: number): boolean;
  /** Lets the tail find topics that were created again, and go on at their ends. False if there are none. */
  reset(): boolean;
  /** Starts the tail if it has not started, and finds new partitions. */
  discover(): void;
}

export function createGatewayLog(log: ArrayLog): GatewayLog {
  const questions: Question[] = [];
  const read: ReadItem[] = [];
  const firstSeen: (number | undefined)[] = [];
  const positions: (number | undefined)[] = [];
  /** By partition, the epoch of the last record before its position. */
  const epochs: (number | undefined)[] = [];
  const topicIds = new Map<string, string>();
  /** Partitions that exist but were never reached, with the time to read them from; null for a new one. */
  const waiting = new Map<number, number | null>();
  let listener: TailListener | null = null;
  let isStarted = false;
  let isPaused = false;
  let wasBehind = false;

  function ask<T>(
    compute: () => T,
    onAnswer: (answer: T) => void = () => undefined,
    behind: () => T = compute,
  ): Promise<T> {
    const whenAsked = attempt(compute);
    return new Promise<T>((resolve, reject) => {
      const leave = () => questions.splice(questions.indexOf(question), 1);
      const question: Question = {
        answer(how) {
          leave();
          try {
            const answer = how === 'stale' ? whenAsked() : how === 'behind' ? behind() : compute();
            onAnswer(answer);
            resolve(answer);
          } catch (error) {
            reject(error as Error);
          }
        },
        fail() {
          leave();
          reject(new GatewayError('log-unavailable', 'the model says so'));
        },
      };
      questions.push(question);
    });
  }

  function layoutBehind(timeMs?: number): LogLayout {
    const layout = log.layout(timeMs);
    if (wasBehind) return layout;
    wasBehind = true;
    return {
      ...layout,
      partitions: layout.partitions.map((bounds) => ({ ...bounds, logEnd: bounds.logStart })),
    };
  }

  function startAt(flat: number, position: number): void {
    positions[flat] = position;
    epochs[flat] = log.partitions[flat]!.entries[position - 1]?.epoch;
    waiting.delete(flat);
  }

  function wait(unavailable: readonly UnavailablePartition[], sinceMs: number | null): void {
    for (const one of unavailable) {
      const flat = log.flatOf(one);
      if (positions[flat] === undefined && !waiting.has(flat)) waiting.set(flat, sinceMs);
    }
  }

  /** Partitions join only after the reset of a topic that was created again. */
  function join({ partitions, unavailable }: LogLayout): void {
    if (partitions.some(({ topic, topicId }) => (topicIds.get(topic) ?? topicId) !== topicId)) return;
    const added: JoinedPartition[] = [];
    for (const bounds of partitions) {
      const flat = log.flatOf(bounds);
      if (positions[flat] !== undefined) continue;
      const sinceMs = waiting.get(flat) ?? null;
      const start = sinceMs === null ? Number(bounds.logStart) : log.atTime(flat, sinceMs);
      firstSeen[flat] ??= start;
      startAt(flat, start);
      topicIds.set(bounds.topic, bounds.topicId);
      added.push({ ...bounds, start: BigInt(start) });
    }
    wait(unavailable, null);
    if (added.length > 0) listener!.onPartitions(added);
  }

  function start(): void {
    isStarted = true;
    const layout = log.layout();
    const starts = listener!.onStart(layout);
    for (const [i, bounds] of layout.partitions.entries()) {
      const flat = log.flatOf(bounds);
      firstSeen[flat] = Number(bounds.logStart);
      startAt(flat, Number(starts[i]!));
    }
    for (const { topic } of [...layout.partitions, ...layout.unavailable])
      topicIds.set(topic, log.topicIdsOf(topic).at(-1)!);
    wait(layout.unavailable, log.nowMs);
  }

  const tail: Tail = {
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
    },
    close: async () => undefined,
  };

  const eventLog: Pick<EventLog, 'tail' | 'read' | 'bounds' | 'epochEnds'> = {
    tail(asked) {
      listener = asked;
      return tail;
    },
    read: (partition, from, to, { maxBytes }) =>
      ask(() => {
        const flat = log.flatOf(partition);
        if (log.partitions[flat]!.isDown) throw new GatewayError('log-unavailable', 'it is down');
        return log.read(flat, Number(from), Number(to), Math.max(1, Math.floor(maxBytes / RECORD_BYTES)));
      }),
    bounds: ({ timeMs } = {}) =>
      ask(
        () => log.layout(timeMs),
        join,
        () => layoutBehind(timeMs),
      ),
    epochEnds: (asked) =>
      ask(() =>
        asked
          .filter((query) => !log.partitions[log.flatOf(query)]!.isDown)
          .map((query) => log.epochEnd(query)),
      ),
  };

  /** Finds a truncation, as Kafka answers a fetch with the last epoch. */
  function truncated(flat: number): boolean {
    const epoch = epochs[flat];
    if (epoch === undefined) return false;
    const { topic, number } = log.partitions[flat]!;
    const { endOffset } = log.epochEnd({ topic, partition: number, leaderEpoch: epoch });
    if (endOffset >= positions[flat]!) return false;
    startAt(flat, Number(endOffset));
    listener!.onTruncated({ topic, partition: number, to: endOffset });
    return true;
  }

  function reset(): boolean {
    const layout = log.layout();
    const names = [...topicIds].filter(([name, id]) => log.topicIdsOf(name).at(-1) !== id);
    if (names.length === 0) return false;
    const topics = names.map(([name]) => name);
    for (const [flat, { topic, entries, isDown }] of log.partitions.entries()) {
      if (!topics.includes(topic)) continue;
      waiting.delete(flat);
      positions[flat] = undefined;
      firstSeen[flat] = isDown ? 0 : entries.length;
      if (!isDown) startAt(flat, entries.length);
    }
    for (const name of topics) topicIds.set(name, log.topicIdsOf(name).at(-1)!);
    wait(
      layout.unavailable.filter(({ topic }) => topics.includes(topic)),
      null,
    );
    // Other topics have their ends where they were read to.
    const partitions = layout.partitions.map((bounds) => {
      const position = positions[log.flatOf(bounds)];
      return position === undefined ? bounds : { ...bounds, logEnd: BigInt(position) };
    });
    listener!.onReset({ reason: 'recreated', topics, layout: { ...layout, partitions } });
    return true;
  }

  return {
    // The parts under test neither append nor ask for the status.
    eventLog: eventLog as EventLog,
    questions,
    read,
    firstSeen,
    positions,
    deliver(flat, count) {
      if (!isStarted) {
        start();
        return true;
      }
      if (reset()) return true;
      const from = positions[flat];
      const { entries, topic, number, isDown } = log.partitions[flat]!;
      if (isPaused || isDown || from === undefined) return false;
      if (truncated(flat)) return true;
      if (from === entries.length) return false;
      const chunk = log.read(flat, from, entries.length, count);
      epochs[flat] = chunk.leaderEpoch;
      const gap = chunk.gaps[0];
      if (gap !== undefined && gap.from === BigInt(from)) {
        positions[flat] = Number(gap.to);
        read.push({ partition: flat, offset: Number(gap.from), entry: null });
        listener!.onGap(gap);
        return true;
      }
      const next = gap?.from ?? chunk.next;
      positions[flat] = Number(next);
      const records = chunk.records.filter(({ offset }) => offset < next);
      for (const { offset } of records)
        read.push({ partition: flat, offset: Number(offset), entry: entries[Number(offset)]! });
      const { leaderEpoch } = chunk;
      listener!.onRecords({ topic, partition: number, records, next, leaderEpoch });
      return true;
    },
    reset,
    discover() {
      if (!isStarted) start();
      else if (!reset()) join(log.layout());
    },
  };
}

/** Computes now, and returns or throws the result later. */
function attempt<T>(compute: () => T): () => T {
  try {
    const found = compute();
    return () => found;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
