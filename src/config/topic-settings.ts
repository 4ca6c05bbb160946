import { z } from 'zod';
import { channelFault, channelOf } from '../wire/channel';
import {
  type ChannelTemplate,
  hasPlaceholders,
  literalBeginning,
  parseChannelTemplate,
} from './topic-template';

/** A topic to serve, and what its records become. */
export interface TopicSetting {
  readonly name: string;
  /** At or below it are all channels of the topic; of a template, its literal beginning. */
  readonly base: string;
  /** How a record's channel is made; null: the record's header `channel` says it, below the base. */
  readonly channel: ChannelTemplate | null;
  /** What its values are. `base64`: bytes, which clients get as base64. */
  readonly value: 'utf8' | 'base64';
}

/** Kafka's own rule for names (its Topic.validate). */
export const TOPIC_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
export const DEFAULT_TOPIC = 'events-topic';

export function topicNameFault(name: string): string | null {
  return TOPIC_NAME.test(name) ? null : 'is not a Kafka topic name';
}

/** A topic of text whose records say their own channels. */
export function plainTopic(name: string, base = '/'): TopicSetting {
  return { name, base, channel: null, value: 'utf8' };
}

/** The short form: `topic`, `topic=/base`, `topic=/base/{key}`, each maybe with `;base64`. */
export function topicList() {
  return z
    .string()
    .transform((words, context): TopicSetting[] => {
      const found: TopicSetting[] = [];
      for (const word of words.split(',').map((part) => part.trim())) {
        const read = readTopic(word);
        const isTwice = typeof read !== 'string' && found.some(({ name }) => name === read.name);
        const fault = typeof read === 'string' ? read : isTwice ? 'is listed twice' : null;
        if (fault !== null) context.addIssue({ code: 'custom', message: `entry "${word}" ${fault}` });
        else found.push(read as TopicSetting);
      }
      return found;
    })
    .default([plainTopic(DEFAULT_TOPIC)]);
}

/** One topic of the list, or what is wrong with it. */
function readTopic(word: string): TopicSetting | string {
  const [name = '', written = '/', option] = (/^([^=;]*)(?:=([^;]*))?(?:;(.*))?$/s.exec(word) ?? [])
    .slice(1)
    .map((part) => part?.trim());
  const nameFault = topicNameFault(name);
  if (nameFault !== null) return nameFault;
  const address = readAddress(written, name);
  if (typeof address === 'string') return `has a channel that ${address}`;
  if (option !== undefined && option.toLowerCase() !== 'base64') return 'has an option other than base64';
  return { name, ...address, value: option === undefined ? 'utf8' : 'base64' };
}

/** A topic's base and template, or what is wrong with its channel. */
function readAddress(written: string, topic: string): Pick<TopicSetting, 'base' | 'channel'> | string {
  const text = channelOf(written);
  if (!hasPlaceholders(text)) return channelFault(text) ?? { base: text, channel: null };
  const template = parseChannelTemplate(text, topic);
  if (typeof template === 'string') return template;
  const isLiteral = template.segments.every((segment) => typeof segment === 'string');
  return { base: literalBeginning(template), channel: isLiteral ? null : template };
}
