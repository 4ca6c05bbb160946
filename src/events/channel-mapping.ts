import { isUtf8 } from 'node:buffer';
import type { KeyType } from '../config/topic-settings';
import type { ChannelTemplate, EventTemplate, Placeholder } from '../config/topic-template';
import type { LogRecord, RecordHeader } from '../eventlog/event-log';
import { headerOf } from '../eventlog/records';
import { isSegmentValue, MAX_CHANNEL_BYTES, segmentOf, valueOfSegment } from '../wire/channel';
import { type JsonValue, partAt } from './json-value';
import { keyBytes, keyText } from './record-key';

/** Why a record has no channel of its own, where channels are made of keys, headers and values. */
export const UNMAPPED_REASONS = [
  'missing',
  'not-utf8',
  'bad-key',
  'not-scalar',
  'empty',
  'not-a-segment',
  'too-long',
] as const;
export type UnmappedReason = (typeof UNMAPPED_REASONS)[number];

export interface Unmapped {
  readonly unmapped: UnmappedReason;
}

/** What placeholders are filled from. */
export interface RecordParts extends Pick<LogRecord, 'key' | 'headers'> {
  readonly partition: number;
  /** Undefined: there is none, or it could not be read, or nothing asks for it. */
  readonly value: JsonValue | undefined;
}

/** What a record must have to be on a channel. */
export interface Filling {
  /** Null: the channel says nothing of it. */
  readonly key: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

/** The channels of a topic whose template has placeholders. */
export interface ChannelMapping {
  /** As configured. */
  readonly text: string;
  /** The channel of a record. Records whose values differ are on different channels. */
  channelOf(parts: RecordParts): string | Unmapped;
  /** The template has only what a publisher can give: the channel says all of it. */
  readonly isInvertible: boolean;
  /** The template has `{key}`: who sees the channel sees the key. */
  readonly hasKey: boolean;
  /**
   * What a record to append must have to be on this channel; null for one that the template never makes. Only where
   * `isInvertible`.
   */
  fillingFor(channel: string): Filling | null;
  /** The key of every record that a subscriber of this channel gets from the topic; null where it may be any. */
  keyOf(channel: string): string | null;
}

const UNMAPPED = Object.fromEntries(
  UNMAPPED_REASONS.map((unmapped) => [unmapped, Object.freeze({ unmapped })]),
) as Readonly<Record<UnmappedReason, Unmapped>>;

export function createChannelMapping({ text, segments }: ChannelTemplate, keyType: KeyType): ChannelMapping {
  const placeholders = segments.filter((part) => typeof part !== 'string');
  const keyAt = segments.findIndex((part) => typeof part !== 'string' && part.from === 'key');

  return {
    text,
    isInvertible: placeholders.every(
      ({ from }) => (from === 'key' && keyType !== 'registry') || from === 'header',
    ),
    hasKey: keyAt >= 0,

    channelOf(parts) {
      let channel = '';
      for (const part of segments) {
        if (typeof part === 'string') {
          channel += `/${part}`;
          continue;
        }
        const value = textFor(part, parts, keyType);
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
      const bytes = key === null ? null : keyBytes(key, keyType);
      if (key !== null && bytes === null) return null;
      return {
        key: bytes,
        headers: [...headers].map(([name, value]) => ({ key: name, value: Buffer.from(value) })),
      };
    },

    keyOf(channel) {
      if (keyType !== 'utf8' || keyAt < 0) return null;
      return matched(segments, channel)?.[keyAt] ?? null;
    },
  };
}

/** The name of a record's event; empty where a placeholder has no value. */
export function eventNameOf({ parts }: EventTemplate, record: RecordParts, keyType: KeyType): string {
  let name = '';
  for (const part of parts) {
    const text = typeof part === 'string' ? part : textFor(part, record, keyType);
    if (typeof text !== 'string') return '';
    name += text;
  }
  return name;
}

function textFor(part: Placeholder, record: RecordParts, keyType: KeyType): string | Unmapped {
  switch (part.from) {
    case 'partition':
      return String(record.partition);
    case 'key':
      if (record.key === null) return UNMAPPED.missing;
      return keyText(record.key, keyType) ?? UNMAPPED[keyType === 'utf8' ? 'not-utf8' : 'bad-key'];
    case 'header': {
      const bytes = headerOf(record, part.name);
      if (bytes === null) return UNMAPPED.missing;
      return isUtf8(bytes) ? bytes.toString() : UNMAPPED['not-utf8'];
    }
    case 'value': {
      const found = record.value === undefined ? undefined : partAt(record.value, part.path);
      if (found === undefined || found === null) return UNMAPPED.missing;
      return typeof found === 'object' ? UNMAPPED['not-scalar'] : String(found);
    }
  }
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
