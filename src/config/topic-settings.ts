import { z } from 'zod';
import { channelFault, channelOf } from '../wire/channel';
import { int, list, type SettingsOf } from './setting-types';

/** Kafka's own rule for names (its Topic.validate). */
const TOPIC_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const DEFAULT_TOPIC = 'events-topic';

export const TOPIC_SETTINGS = {
  KAFKA_TOPICS: topics().describe(
    'topics to serve: `topic`; `topic=/base` under a channel; `topic=/base;base64` for binary values',
  ),
  KAFKA_SUMMARY_TOPIC: z
    .string()
    .regex(TOPIC_NAME, 'must be a Kafka topic name')
    .default('events-summary-table')
    .describe('topic that the aggregator writes its summaries to'),
  // Without the list's default, which would stand in for the topics that unset means.
  KAFKA_CREATE_TOPICS: list(topicNameFault)
    .unwrap()
    .optional()
    .describe('topics to create when missing; unset: `events-topic` and the summary topic, if they are used'),
  KAFKA_TOPIC_PARTITIONS: int(1, 1, 10_000).describe('partitions of a topic that the gateway creates'),
  KAFKA_TOPIC_REPLICATION: int(1, 1, 100).describe('replication factor of a topic that the gateway creates'),
} as const;

export type TopicSettings = SettingsOf<typeof TOPIC_SETTINGS>;

export interface TopicSetting {
  readonly name: string;
  /** Channel under which the topic's channels appear. */
  readonly base: string;
  readonly encoding: 'utf8' | 'base64';
}

/** Which topics are created when they are missing, and how. */
export function topicCreation(s: TopicSettings) {
  return {
    names: s.KAFKA_CREATE_TOPICS ?? [DEFAULT_TOPIC, s.KAFKA_SUMMARY_TOPIC],
    partitions: s.KAFKA_TOPIC_PARTITIONS,
    replication: s.KAFKA_TOPIC_REPLICATION,
  };
}

function topicNameFault(name: string): string | null {
  return TOPIC_NAME.test(name) ? null : 'is not a Kafka topic name';
}

function baseFault(base: string): string | null {
  const fault = channelFault(base);
  return fault === null ? null : `has a base channel that ${fault}`;
}

function topics() {
  return z
    .string()
    .transform((words, context): TopicSetting[] => {
      const found: TopicSetting[] = [];
      for (const word of words.split(',').map((part) => part.trim())) {
        const [name = '', written = '/', option] = (/^([^=;]*)(?:=([^;]*))?(?:;(.*))?$/.exec(word) ?? [])
          .slice(1)
          .map((part) => part?.trim());
        const base = channelOf(written);
        const isBase64 = option?.toLowerCase() === 'base64';
        const fault =
          topicNameFault(name) ??
          baseFault(base) ??
          (option === undefined || isBase64 ? null : 'has an option other than base64') ??
          (found.some((topic) => topic.name === name) ? 'is there twice' : null);
        if (fault !== null) context.addIssue({ code: 'custom', message: `entry "${word}" ${fault}` });
        else found.push({ name, base, encoding: isBase64 ? 'base64' : 'utf8' });
      }
      return found;
    })
    .default([{ name: DEFAULT_TOPIC, base: '/', encoding: 'utf8' }]);
}
