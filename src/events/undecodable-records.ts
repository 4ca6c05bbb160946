import type { TopicPartition } from '../eventlog/event-log';
import type { Logger } from '../logger';
import { UNDECODABLE_REASONS, type UndecodableReason } from './record-event';

/** By topic and reason: how many records cannot be shown. */
export type UndecodableCounts = Readonly<Record<string, Readonly<Record<UndecodableReason, number>>>>;

export interface UndecodableRecords {
  readonly counts: UndecodableCounts;
  add(at: TopicPartition, offset: bigint, reason: UndecodableReason): void;
}

/** What to look at in the producer, or in the settings. */
const HINTS: Readonly<Record<UndecodableReason, string>> = {
  'not-utf8': 'the value is not UTF-8: serve a topic of binary values with ;base64 in KAFKA_TOPICS',
  'bad-channel':
    'the header channel is no channel: at most 16 segments and 255 bytes, none of them empty, "." or ".."',
  'bad-event-name': 'the header event is not UTF-8 or has a line break or NUL',
  'too-large': 'the event is over MAX_FRAME_BYTES',
};

/** Counts records that cannot be shown. A whole topic may be of that kind, so only the first of each kind is logged. */
export function createUndecodableRecords(topics: readonly string[], logger: Logger): UndecodableRecords {
  const counts = Object.fromEntries(
    topics.map((topic) => [
      topic,
      Object.fromEntries(UNDECODABLE_REASONS.map((reason) => [reason, 0])) as Record<
        UndecodableReason,
        number
      >,
    ]),
  );
  return {
    counts,
    add({ topic, partition }, offset, reason) {
      if (++counts[topic]![reason] > 1) return;
      logger.warn(
        { topic, partition, offset: String(offset), reason, hint: HINTS[reason] },
        'Undecodable record; further ones of this topic and reason are only counted',
      );
    },
  };
}
