import type { TopicPartition } from '../eventlog/event-log';
import type { Logger } from '../logger';
import { UNMAPPED_REASONS, type UnmappedReason } from './channel-mapping';
import { type LeftOut, UNDECODABLE_REASONS, type UndecodableReason } from './record-event';
import type { RecordOrigin } from './record-origin';
import type { Topic } from './topic-map';

/** What became of the records of one topic. */
export interface RecordCounts {
  /** Records that cannot be shown. */
  readonly undecodable: Readonly<Record<UndecodableReason, number>>;
  /** Records on a channel that placeholders make, and those without one; null where headers say the channels. */
  readonly mapping: {
    readonly mapped: number;
    readonly unmapped: Readonly<Record<UnmappedReason, number>>;
  } | null;
  /** Records that `where` keeps here, and of them those for which it could not be evaluated; null without `where`. */
  readonly filter: { readonly filtered: number; readonly failed: number } | null;
}

export interface RecordCounter {
  /** By topic. */
  readonly counts: Readonly<Record<string, RecordCounts>>;
  add(record: RecordOrigin): void;
  addLeftOut(at: TopicPartition, offset: bigint, why: LeftOut['leftOut']): void;
}

/** What to look at in the producer, or in the settings. */
const UNDECODABLE_HINTS: Readonly<Record<UndecodableReason, string>> = {
  'not-utf8': 'the value is not UTF-8: serve a topic of binary values with ;base64 in KAFKA_TOPICS',
  'bad-channel':
    'the header channel is no channel: at most 16 segments and 255 bytes, none of them empty, "." or ".."',
  'bad-event-name': 'the event’s name is not UTF-8 or has a line break or NUL',
  'too-large': 'the event is over MAX_FRAME_BYTES',
  'not-json': 'a part of the value is asked for, but it is not JSON',
  'too-deep': 'fields asks for a part of the value that is nested too deeply',
  'bad-key': 'the key of a tombstone is not of the type that the topic’s key says',
  'not-framed': 'the value does not begin with 0 and a schema id: the topic’s value is not registry',
  'unknown-schema':
    'the registry does not know the schema id in the value: is it the registry of the producer?',
  'bad-schema': 'the schema cannot be used; another line of the log says why',
  malformed: 'the value does not fit its schema',
  'too-complex': 'the value has more members or levels than VALUE_MAX_NODES or VALUE_MAX_DEPTH',
};

const UNMAPPED_HINTS: Readonly<Record<UnmappedReason, string>> = {
  missing: 'there is no key, header or field with the name in the topic’s channel',
  'not-utf8': 'the key or header in the topic’s channel is not UTF-8',
  'bad-key': 'the key is not of the type that the topic’s key says',
  'not-scalar': 'the field in the topic’s channel is an object or a list',
  empty: 'the key, header or field in the topic’s channel is empty',
  'not-a-segment':
    'the key, header or field in the topic’s channel is "." or "..", or has control characters',
  'too-long': 'the channel would be over 255 bytes',
};

/** Counts what became of records. A whole topic may be of one kind, so only the first of each kind is logged. */
export function createRecordCounter(topics: readonly Topic[], logger: Logger): RecordCounter {
  const counts = Object.fromEntries(
    topics.map(({ name, mapping, where }) => [
      name,
      {
        undecodable: zeros(UNDECODABLE_REASONS),
        mapping: mapping === null ? null : { mapped: 0, unmapped: zeros(UNMAPPED_REASONS) },
        filter: where === null ? null : { filtered: 0, failed: 0 },
      },
    ]),
  );

  function addUnmapped({ topic, partition }: TopicPartition, offset: bigint, reason: UnmappedReason): void {
    const { unmapped } = counts[topic]!.mapping!;
    if (++unmapped[reason] > 1) return;
    logger.warn(
      { topic, partition, offset: String(offset), reason, hint: UNMAPPED_HINTS[reason] },
      'Record without a channel of its own; further ones of this topic and reason are only counted',
    );
  }

  return {
    counts,
    add(record) {
      const { topic, partition, offset, undecodable: reason, unmapped } = record;
      const { undecodable, mapping } = counts[topic]!;
      if (reason !== null && ++undecodable[reason] === 1)
        logger.warn(
          { topic, partition, offset: String(offset), reason, hint: UNDECODABLE_HINTS[reason] },
          'Undecodable record; further ones of this topic and reason are only counted',
        );
      if (unmapped !== null) addUnmapped(record, offset, unmapped);
      else if (mapping !== null) mapping.mapped++;
    },
    addLeftOut(at, offset, why) {
      if (why !== 'filtered' && why !== 'filter-failed') {
        addUnmapped(at, offset, why);
        return;
      }
      const filter = counts[at.topic]!.filter!;
      filter.filtered++;
      if (why === 'filtered' || ++filter.failed > 1) return;
      logger.warn(
        {
          topic: at.topic,
          partition: at.partition,
          offset: String(offset),
          hint: 'where asks for a field that is not there, or compares unlike types',
        },
        'Filter could not be evaluated for a record, which is left out; further ones of this topic are only counted',
      );
    },
  };
}

function zeros<Reason extends string>(reasons: readonly Reason[]): Record<Reason, number> {
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
}
