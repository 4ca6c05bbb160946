import type { SchemaFile, TopicSetting } from '../config/topic-settings';
import type { ValueDecoder } from '../values/decoded';
import { covers } from '../wire/channel';
import { type ChannelMapping, createChannelMapping } from './channel-mapping';
import { type FieldTree, fieldTree } from './json-value';

/** A topic that is served. */
export interface Topic extends Omit<TopicSetting, 'channel' | 'fields'> {
  /** How its channels are made of keys, headers and values; null: each record's header `channel` says it. */
  readonly mapping: ChannelMapping | null;
  /** What makes JSON of its values; null: they are text, JSON already, or shown as bytes. */
  readonly valueDecoder: ValueDecoder | null;
  /** What makes JSON of its keys; null: they are of a type that needs no schema. */
  readonly keyDecoder: ValueDecoder | null;
  /** The parts of a value that leave the gateway; null: all of it. */
  readonly fields: FieldTree | null;
  /** Nothing of a record is asked for but its headers `channel` and `event`. */
  readonly isPlain: boolean;
  /** Values are read: something asks for a part of them. */
  readonly asksForValue: boolean;
  /** What of a record besides its value may leave the gateway. */
  readonly shows: { readonly key: boolean; readonly headers: boolean };
  /**
   * The Kafka key of every record that a subscriber of this channel gets from the topic; null where it may be any, or
   * where the channel gets nothing of it.
   */
  keyOf(channel: string): string | null;
}

/** Which topic a channel's events go to, and where a topic's channels appear. */
export interface TopicMap {
  readonly all: readonly Topic[];
  /**
   * The topic with the longest base that covers the channel, of several with that base the first one that has such a
   * channel; null when none covers it.
   */
  topicFor(channel: string): Topic | null;
  /** @throws RangeError for a topic that is not configured */
  byName(name: string): Topic;
}

/** Makes the decoder of values whose schema is in this file; null: in the registry. */
export type SchemaDecoders = (int64: TopicSetting['int64'], schema: SchemaFile | null) => ValueDecoder;

/** For those who only append. */
const NO_SCHEMAS: SchemaDecoders = () => ({
  decode: () => ({ kind: 'undecodable', reason: 'unknown-schema', schemaId: null }),
});

export function createTopic(
  { channel, fields: paths, ...setting }: TopicSetting,
  decoders: SchemaDecoders = NO_SCHEMAS,
): Topic {
  const mapping = channel === null ? null : createChannelMapping(channel, setting.key);
  const fields = paths === null ? null : fieldTree(paths);
  const placeholders = [...(channel?.segments ?? []), ...(setting.event?.parts ?? [])];
  const { int64, schema } = setting;
  const valueDecoder = schema !== null || setting.value === 'registry' ? decoders(int64, schema) : null;
  const keyDecoder = setting.key === 'registry' ? decoders(int64, null) : null;
  const asksForValue =
    valueDecoder !== null ||
    fields !== null ||
    setting.where?.asksFor.has('value') === true ||
    placeholders.some((part) => typeof part !== 'string' && part.from === 'value');
  return {
    ...setting,
    mapping,
    valueDecoder,
    keyDecoder,
    fields,
    isPlain: mapping === null && setting.event === null && setting.where === null && !asksForValue,
    asksForValue,
    // What `fields` does not name stays here, unless the channel tells it anyway.
    shows: { key: fields === null || mapping?.hasKey === true, headers: fields === null },
    keyOf: (of) => mapping?.keyOf(of) ?? null,
  };
}

export function createTopicMap(settings: readonly TopicSetting[], decoders?: SchemaDecoders): TopicMap {
  const all = settings.map((setting) => createTopic(setting, decoders));
  const named = new Map(all.map((topic) => [topic.name, topic]));
  const byLength = [...all].sort((a, b) => b.base.length - a.base.length);
  return {
    all,
    topicFor(channel) {
      const longest = byLength.find(({ base }) => covers(base, channel));
      if (longest === undefined) return null;
      const has = ({ base, mapping }: Topic) =>
        base === longest.base && (mapping === null || mapping.fillingFor(channel) !== null);
      return byLength.find(has) ?? longest;
    },
    byName(name) {
      const topic = named.get(name);
      if (topic === undefined) throw new RangeError(`topic ${name} is not configured`);
      return topic;
    },
  };
}
