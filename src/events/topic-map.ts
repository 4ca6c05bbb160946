import type { TopicSetting } from '../config';
import { covers, relativeChannel } from '../wire/channel';

/** Which topic a channel's events go to, and where a topic's channels appear. */
export interface TopicMap {
  readonly all: readonly TopicSetting[];
  /** The topic with the longest base that covers `channel`, and the channel as seen from there; null when none does. */
  topicFor(channel: string): { readonly topic: TopicSetting; readonly relative: string } | null;
  /** @throws RangeError for a topic that is not configured */
  byName(name: string): TopicSetting;
}

export function createTopicMap(topics: readonly TopicSetting[]): TopicMap {
  const byLength = [...topics].sort((a, b) => b.base.length - a.base.length);
  return {
    all: topics,
    topicFor(channel) {
      const topic = byLength.find(({ base }) => covers(base, channel));
      return topic === undefined ? null : { topic, relative: relativeChannel(topic.base, channel) };
    },
    byName(name) {
      const topic = topics.find((candidate) => candidate.name === name);
      if (topic === undefined) throw new RangeError(`topic ${name} is not configured`);
      return topic;
    },
  };
}
