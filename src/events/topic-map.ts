import type { TopicSetting } from '../config';
import { covers } from '../wire/channel';
import { type ChannelMapping, createChannelMapping } from './channel-mapping';

/** A topic that is served. */
export interface Topic extends Omit<TopicSetting, 'channel'> {
  /** How its channels are made of keys and headers; null: each record's header `channel` says it. */
  readonly mapping: ChannelMapping | null;
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

export function createTopic({ channel, ...setting }: TopicSetting): Topic {
  const mapping = channel === null ? null : createChannelMapping(channel);
  return { ...setting, mapping, keyOf: (of) => mapping?.keyOf(of) ?? null };
}

export function createTopicMap(settings: readonly TopicSetting[]): TopicMap {
  const all = settings.map(createTopic);
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
