import type { Logger } from '../logger';
import { UNMAPPED_REASONS, type UnmappedReason } from './channel-mapping';
import { UNDECODABLE_REASONS, type UndecodableReason } from './record-event';
import type { RecordOrigin } from './record-origin';
import type { Topic } from './topic-map';

/** What became of the records of one topic. */
export interface RecordCounts {
  /** Records that cannot be shown. */
  readonly undecodable: Readonly<Record<UndecodableReason, number>>;
  /** Records on a channel made of their key and headers, and those without one; null where headers say the channels. */
  readonly mapping: {
    readonly mapped: number;
    readonly unmapped: Readonly<Record<UnmappedReason, number>>;
  } | null;
}

export interface RecordCounter {
  /** By topic. */
  readonly counts: Readonly<Record<string, RecordCounts>>;
  add(record: RecordOrigin): void;
}

/** What to look at in the producer, or in the settings. */
const UNDECODABLE_HINTS: Readonly<Record<UndecodableReason, string>> = {
  'not-utf8': 'the value is not UTF-8: serve a topic of binary values with ;base64 in KAFKA_TOPICS',
  'bad-channel':
    'the header channel is no channel: at most 16 segments and 255 bytes, none of them empty, "." or ".."',
  'bad-event-name': 'the header event is not UTF-8 or has a line break or NUL',
  'too-large': 'the event is over MAX_FRAME_BYTES',
};

const UNMAPPED_HINTS: Readonly<Record<UnmappedReason, string>> = {
  missing: 'the record lacks the key or a header that the topic’s channel is made of',
  'not-utf8': 'the key or a header that the topic’s channel is made of is not UTF-8',
  empty: 'the key or a header that the topic’s channel is made of is empty',
  'not-a-segment': 'what the topic’s channel is made of is "." or "..", or has control characters',
  'too-long': 'the channel would be over 255 bytes',
};

/** Counts what became of records. A whole topic may be of one kind, so only the first of each kind is logged. */
export function createRecordCounter(topics: readonly Topic[], logger: Logger): RecordCounter {
  const counts = Object.fromEntries(
    topics.map(({ name, mapping }) => [
      name,
      {
        undecodable: zeros(UNDECODABLE_REASONS),
        mapping: mapping === null ? null : { mapped: 0, unmapped: zeros(UNMAPPED_REASONS) },
      },
    ]),
  );
  return {
    counts,
    add(origin) {
      const { undecodable, mapping } = counts[origin.topic]!;
      const { undecodable: reason, unmapped } = origin;
      if (reason !== null && ++undecodable[reason] === 1)
        logger.warn(
          { ...placeOf(origin), reason, hint: UNDECODABLE_HINTS[reason] },
          'Undecodable record; further ones of this topic and reason are only counted',
        );
      if (mapping === null) return;
      if (unmapped === null) mapping.mapped++;
      else if (++mapping.unmapped[unmapped] === 1)
        logger.warn(
          { ...placeOf(origin), reason: unmapped, hint: UNMAPPED_HINTS[unmapped] },
          'Record without a channel of its own; further ones of this topic and reason are only counted',
        );
    },
  };
}

function zeros<Reason extends string>(reasons: readonly Reason[]): Record<Reason, number> {
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
}

function placeOf({ topic, partition, offset }: RecordOrigin): object {
  return { topic, partition, offset: String(offset) };
}
