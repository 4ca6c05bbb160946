import { GatewayError } from '../../../src/errors';
import type { EventLog, LogLayout, Tail, TailListener } from '../../../src/eventlog/event-log';
import { type ArrayLog, type LogEntry, TOPIC } from './array-log';

/** What a read counts for each record against its limit. */
const RECORD_BYTES = 10;

/**
 * What is true now; what was true when it was asked; or, once for each replica and only about bounds, what a broker says
 * that knows less than others.
 */
export type Answer = 'now' | 'stale' | 'behind';

/** A question that was put to the log and has no answer yet. */
export interface Question {
  answer(how: Answer): void;
  fail(): void;
}

/** A record that a tail brought, or a gap (`entry` null). */
export interface ReadItem {
  readonly partition: number;
  readonly offset: number;
  readonly entry: LogEntry | null;
}

/** Stands in the order of what was read for an event that is not of the log. */
export const STATUS: ReadItem = { partition: -1, offset: -1, entry: null };

/** One replica's side of the log: delivers and answers when it is told to, not before. */
export interface ReplicaLog {
  readonly eventLog: EventLog;
  readonly questions: Question[];
  /** What the tail brought, in its order. */
  readonly read: ReadItem[];
  /** By partition, the first offset this replica ever heard of. */
  readonly firstSeen: readonly number[];
  /** By partition, the next offset that the tail reads. */
  readonly positions: readonly number[];
  /** Brings up to `count` records, or the gap that comes next, unless the tail is paused. False when there is nothing. */
  deliver(partition: number, count: number): boolean;
  /** The tail finds that the topic is another one, and goes on at its end. */
  reset(): void;
  /** Starts the tail if it has not, and finds partitions that are new. */
  discover(): void;
}

export function createReplicaLog(log: ArrayLog): ReplicaLog {
  const questions: Question[] = [];
  const read: ReadItem[] = [];
  const firstSeen: number[] = [];
  let positions: number[] = [];
  let listener: TailListener | null = null;
  let isStarted = false;
  let isPaused = false;
  let wasBehind = false;

  function ask<T>(
    compute: () => T,
    onAnswer: (answer: T) => void = () => undefined,
    behind: () => T = compute,
  ): Promise<T> {
    const whenAsked = compute();
    return new Promise<T>((resolve, reject) => {
      const leave = () => questions.splice(questions.indexOf(question), 1);
      const question: Question = {
        answer(how) {
          leave();
          const answer = how === 'stale' ? whenAsked : how === 'behind' ? behind() : compute();
          onAnswer(answer);
          resolve(answer);
        },
        fail() {
          leave();
          reject(new GatewayError('log-unavailable', 'the model says so'));
        },
      };
      questions.push(question);
    });
  }

  function layoutBehind(): LogLayout {
    const layout = log.layout();
    if (wasBehind) return layout;
    wasBehind = true;
    return {
      ...layout,
      partitions: layout.partitions.map((bounds) => ({ ...bounds, logEnd: bounds.logStart })),
    };
  }

  function join({ partitions }: LogLayout): void {
    const added = partitions.slice(firstSeen.length);
    if (added.length === 0) return;
    for (const { logStart } of added) {
      firstSeen.push(Number(logStart));
      positions.push(Number(logStart));
    }
    listener!.onPartitions(added.map((bounds) => ({ ...bounds, start: bounds.logStart })));
  }

  function start(): void {
    isStarted = true;
    const layout = log.layout();
    firstSeen.push(...layout.partitions.map(({ logStart }) => Number(logStart)));
    positions = listener!.onStart(layout).map(Number);
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
    read: ({ partition }, from, to, { maxBytes }) =>
      ask(() =>
        log.read(partition, Number(from), Number(to), Math.max(1, Math.floor(maxBytes / RECORD_BYTES))),
      ),
    bounds: () => ask(() => log.layout(), join, layoutBehind),
    epochEnds: (asked) =>
      ask(() =>
        asked.map(({ topic, partition, leaderEpoch }) => {
          const { entries } = log.partitions[partition]!;
          return { topic, partition, leaderEpoch, endOffset: BigInt(entries.length) };
        }),
      ),
  };

  return {
    // Nothing under test appends or asks for the status.
    eventLog: eventLog as EventLog,
    questions,
    read,
    firstSeen,
    get positions() {
      return positions;
    },
    deliver(partition, count) {
      if (!isStarted) {
        start();
        return true;
      }
      const from = positions[partition];
      if (isPaused || from === undefined || from === log.partitions[partition]!.entries.length) return false;
      const chunk = log.read(partition, from, log.partitions[partition]!.entries.length, count);
      const gap = chunk.gaps[0];
      if (gap !== undefined && gap.from === BigInt(from)) {
        positions[partition] = Number(gap.to);
        read.push({ partition, offset: Number(gap.from), entry: null });
        listener!.onGap(gap);
        return true;
      }
      const next = gap?.from ?? chunk.next;
      positions[partition] = Number(next);
      const records = chunk.records.filter(({ offset }) => offset < next);
      for (const { offset } of records) {
        const entry = log.partitions[partition]!.entries[Number(offset)]!;
        read.push({ partition, offset: Number(offset), entry });
      }
      listener!.onRecords({ topic: TOPIC, partition, records, next, leaderEpoch: 0 });
      return true;
    },
    reset() {
      const layout = log.layout();
      positions = layout.partitions.map(({ logEnd }) => Number(logEnd));
      firstSeen.splice(0, firstSeen.length, ...layout.partitions.map(({ logStart }) => Number(logStart)));
      listener!.onReset({ reason: 'recreated', topics: [TOPIC], layout });
    },
    discover() {
      if (isStarted) join(log.layout());
      else start();
    },
  };
}
