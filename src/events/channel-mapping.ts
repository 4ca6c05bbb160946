import { isUtf8 } from 'node:buffer';
import type { ChannelTemplate, Placeholder } from '../config/topic-template';
import type { LogRecord, RecordHeader, TopicPartition } from '../eventlog/event-log';
import { headerOf } from '../eventlog/records';
import { isSegmentValue, MAX_CHANNEL_BYTES, segmentOf, valueOfSegment } from '../wire/channel';

/** Why a record has no channel of its own, where channels are made of keys and headers. */
export const UNMAPPED_REASONS = ['missing', 'not-utf8', 'empty', 'not-a-segment', 'too-long'] as const;
export type UnmappedReason = (typeof UNMAPPED_REASONS)[number];

export interface Unmapped {
  readonly unmapped: UnmappedReason;
}

/** What a record must have to be on a channel. */
export interface Filling {
  /** Null: the channel says nothing of it. */
  readonly key: string | null;
  readonly headers: readonly RecordHeader[];
}

type Keyed = Pick<LogRecord, 'key' | 'headers'>;

/** The channels of a topic whose template has placeholders. */
export interface ChannelMapping {
  /** As configured. */
  readonly text: string;
  /** The channel of a record. Records whose values differ are on different channels. */
  channelOf(record: Keyed, at: Pick<TopicPartition, 'partition'>): string | Unmapped;
  /**
   * What a record to append must have to be on this channel; null for one that the template never makes.
   * Only where `isInvertible`.
   */
  fillingFor(channel: string): Filling | null;
  /** The template has only what a publisher can give: the channel says all of it. */
  readonly isInvertible: boolean;
  /** The key of every record that a subscriber of this channel gets from the topic; null where it may be any. */
  keyOf(channel: string): string | null;
}

const UNMAPPED = Object.fromEntries(
  UNMAPPED_REASONS.map((unmapped) => [unmapped, Object.freeze({ unmapped })]),
) as Readonly<Record<UnmappedReason, Unmapped>>;

export function createChannelMapping({ text, segments }: ChannelTemplate): ChannelMapping {
  const isInvertible = segments.every((part) => typeof part === 'string' || part.from !== 'partition');

  return {
    text,
    isInvertible,

    channelOf(record, at) {
      let channel = '';
      for (const part of segments) {
        if (typeof part === 'string') {
          channel += `/${part}`;
          continue;
        }
        const value = valueFor(part, record, at);
        if (typeof value !== 'string') return value;
        if (value === '') return UNMAPPED.empty;
        if (!isSegmentValue(value)) return UNMAPPED['not-a-segment'];
        channel += `/${segmentOf(value)}`;
      }
      // No character takes more than 3 bytes in UTF-8 for each of its UTF-16 units.
      const isShort =
        channel.length * 3 <= MAX_CHANNEL_BYTES || Buffer.byteLength(channel) <= MAX_CHANNEL_BYTES;
      return isShort ? channel : UNMAPPED['too-long'];
    },

    fillingFor(channel) {
      const values = matched(segments, channel);
      if (values === null || values.length !== segments.length) return null;
      let key: string | null = null;
      const headers = new Map<string, string>();
      for (const [i, part] of segments.entries()) {
        if (typeof part === 'string') continue;
        const value = values[i]!;
        const before: string | null = part.from === 'header' ? (headers.get(part.name) ?? null) : key;
        if (before !== null && before !== value) return null;
        if (part.from === 'header') headers.set(part.name, value);
        else key = value;
      }
      return {
        key,
        headers: [...headers].map(([name, value]) => ({ key: name, value: Buffer.from(value) })),
      };
    },

    keyOf(channel) {
      const values = matched(segments, channel);
      const at = segments.findIndex((part) => typeof part !== 'string' && part.from === 'key');
      return values?.[at] ?? null;
    },
  };
}

function valueFor(
  part: Placeholder,
  record: Keyed,
  at: Pick<TopicPartition, 'partition'>,
): string | Unmapped {
  if (part.from === 'partition') return String(at.partition);
  const bytes = part.from === 'key' ? record.key : headerOf(record, part.name);
  if (bytes === null) return UNMAPPED.missing;
  return isUtf8(bytes) ? bytes.toString() : UNMAPPED['not-utf8'];
}

/**
 * The values of the template's segments as far as the channel has them; null if no channel of the template is the channel
 * or below it.
 */
function matched(segments: ChannelTemplate['segments'], channel: string): string[] | null {
  const own = channel === '/' ? [] : channel.slice(1).split('/');
  if (own.length > segments.length) return null;
  const values: string[] = [];
  for (const [i, segment] of own.entries()) {
    const part = segments[i]!;
    if (typeof part === 'string' && part !== segment) return null;
    const value = typeof part === 'string' ? part : valueOfSegment(segment);
    if (value === null) return null;
    values.push(value);
  }
  return values;
}
