import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { channelFault, channelOf } from '../wire/channel';
import { parseRecordFilter, type RecordFilter } from './record-filter';
import {
  type ChannelTemplate,
  type EventTemplate,
  hasPlaceholders,
  literalBeginning,
  type Placeholder,
  parseChannelTemplate,
  parseEventTemplate,
  parseValuePath,
  type ValuePath,
} from './topic-template';

/** What a topic's keys are: text, or bytes that are shown as text. `registry`: as a schema of the registry says. */
export const KEY_TYPES = ['utf8', 'int32', 'int64', 'uuid', 'hex', 'registry'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** Values that become JSON by a schema in a file. */
const FILE_TYPES = ['avro', 'protobuf'] as const;
/**
 * What a topic's values are: text, JSON that can be looked into, or bytes that clients get as base64. `registry`: bytes
 * that become JSON by the schemas of the registry.
 */
export const VALUE_TYPES = ['utf8', 'json', 'base64', 'registry', ...FILE_TYPES] as const;
export type ValueType = (typeof VALUE_TYPES)[number];
/** Those that have parts. */
const PARSED: readonly ValueType[] = ['json', 'registry', ...FILE_TYPES];

/** How clients get integers of 64 bits: as numbers with all their digits, or as texts, for JavaScript. */
export const INT64_TYPES = ['number', 'string'] as const;

/** What becomes of records without a channel of their own. */
export const UNMAPPED_ACTIONS = ['base', 'drop'] as const;

export interface SchemaFile {
  readonly type: (typeof FILE_TYPES)[number];
  readonly name: string;
  readonly text: string;
}

/** A topic to serve, and what its records become. */
export interface TopicSetting {
  readonly name: string;
  /** At or below it are all channels of the topic; of a template, its literal beginning. */
  readonly base: string;
  /** How a record's channel is made; null: the record's header `channel` says it, below the base. */
  readonly channel: ChannelTemplate | null;
  /** How an event's name is made; null: the record's header `event` says it. */
  readonly event: EventTemplate | null;
  readonly key: KeyType;
  readonly value: ValueType;
  /** The schema of its values, if it is in a file. */
  readonly schema: SchemaFile | null;
  readonly int64: (typeof INT64_TYPES)[number];
  /** The parts of a value that leave the gateway; null: all of it. */
  readonly fields: readonly ValuePath[] | null;
  /** Records for which it is not true do not leave the gateway. */
  readonly where: RecordFilter | null;
  readonly unmapped: (typeof UNMAPPED_ACTIONS)[number];
}

/** A topic as it is written. */
export interface WrittenTopic {
  readonly name: string;
  readonly channel?: string | undefined;
  readonly event?: string | undefined;
  readonly key?: KeyType | undefined;
  readonly value?: ValueType | undefined;
  readonly schemaFile?: string | undefined;
  readonly int64?: TopicSetting['int64'] | undefined;
  readonly fields?: readonly string[] | undefined;
  readonly where?: string | undefined;
  readonly unmapped?: TopicSetting['unmapped'] | undefined;
}

/** What is wrong with one part of a topic, as a sentence without a subject. */
export interface TopicFault {
  readonly path: readonly [part: keyof WrittenTopic, index?: number];
  readonly fault: string;
}

/** Kafka's own rule for names (its Topic.validate). */
export const TOPIC_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
export const DEFAULT_TOPIC = 'events-topic';

export function topicNameFault(name: string): string | null {
  return TOPIC_NAME.test(name) ? null : 'is not a Kafka topic name';
}

/** A topic of text whose records say their own channels. */
export function plainTopic(name: string, base = '/'): TopicSetting {
  const nothing = { channel: null, event: null, schema: null, fields: null, where: null };
  return { name, base, ...nothing, key: 'utf8', value: 'utf8', int64: 'number', unmapped: 'base' };
}

/** The setting of a topic as it is written, or all that is wrong with it. */
export function topicSetting(written: WrittenTopic): TopicSetting | readonly TopicFault[] {
  const { name, key = 'utf8', int64 = 'number', unmapped = 'base' } = written;
  const faults: TopicFault[] = [];
  const say = (fault: string | null, ...path: TopicFault['path']) => {
    if (fault !== null) faults.push({ path, fault });
  };
  const sound = <T>(found: T | string, ...path: TopicFault['path']): T | null => {
    if (typeof found !== 'string') return found;
    say(found, ...path);
    return null;
  };
  say(topicNameFault(name), 'name');
  const address = sound(readAddress(written.channel ?? '/', name), 'channel') ?? { base: '/', channel: null };
  const event = written.event === undefined ? null : sound(parseEventTemplate(written.event, name), 'event');
  const fields = written.fields?.map((path, i) => {
    const parsed = parseValuePath(path);
    if (parsed === null) say(`is not a path such as a.b, but "${path}"`, 'fields', i);
    return parsed ?? [];
  });
  const where = written.where === undefined ? null : sound(parseRecordFilter(written.where), 'where');

  const asking = [
    ...(partsOf(address.channel?.segments, event?.parts).some(({ from }) => from === 'value')
      ? ['a placeholder']
      : []),
    ...(fields === undefined ? [] : ['fields']),
    ...(where?.asksFor.has('value') ? ['where'] : []),
  ];
  const value = written.value ?? (asking.length > 0 ? 'json' : 'utf8');
  if (asking.length > 0 && !PARSED.includes(value))
    say(`must be ${PARSED.join(' or ')}, because ${asking.join(' and ')} asks for a part of it`, 'value');
  const schema = sound(readSchema(value, written.schemaFile), 'schemaFile');
  if (written.int64 !== undefined && value !== 'registry' && schema === null)
    say('is only for values with schemas', 'int64');
  if (unmapped === 'drop' && address.channel === null)
    say('is only for a channel with placeholders', 'unmapped');
  if (faults.length > 0) return faults;
  return { name, ...address, event, key, value, schema, int64, fields: fields ?? null, where, unmapped };
}

/** The schema of values, null for those that need no file; or what is wrong with the file. */
function readSchema(value: ValueType, file: string | undefined): SchemaFile | null | string {
  const type = FILE_TYPES.find((candidate) => candidate === value);
  if (type === undefined) return file === undefined ? null : `is only for value: ${FILE_TYPES.join(' or ')}`;
  if (file === undefined) return `must name the schema of value: ${value}`;
  try {
    return { type, name: file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    return `cannot be read: ${(error as Error).message}`;
  }
}

function partsOf(...lists: readonly (readonly (string | Placeholder)[] | undefined)[]): Placeholder[] {
  return lists.flatMap((parts = []) => parts.filter((part) => typeof part !== 'string'));
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

/** The short form: `topic`, `topic=/base`, `topic=/base/{key}`, each maybe with `;base64` or `;registry`. */
export function topicList() {
  return z.string().transform((words, context): TopicSetting[] => {
    const found: TopicSetting[] = [];
    for (const word of words.split(',').map((part) => part.trim())) {
      const read = readTopic(word);
      const isTwice = typeof read !== 'string' && found.some(({ name }) => name === read.name);
      const fault = typeof read === 'string' ? read : isTwice ? 'is listed twice' : null;
      if (fault !== null) context.addIssue({ code: 'custom', message: `entry "${word}" ${fault}` });
      else found.push(read as TopicSetting);
    }
    return found;
  });
}

/** One topic of the list, or what is wrong with it. */
function readTopic(word: string): TopicSetting | string {
  const [name = '', channel = '/', option] = (/^([^=;]*)(?:=([^;]*))?(?:;(.*))?$/s.exec(word) ?? [])
    .slice(1)
    .map((part) => part?.trim());
  const value = option?.toLowerCase();
  if (value !== undefined && value !== 'base64' && value !== 'registry')
    return 'has an option other than base64 or registry';
  const setting = topicSetting({ name, channel, value });
  if (!isFaulty(setting)) return setting;
  const [{ path, fault }] = setting as readonly [TopicFault];
  const [part] = path;
  return part === 'name' ? fault : `has a ${part} that ${fault}`;
}

export function isFaulty(read: TopicSetting | readonly TopicFault[]): read is readonly TopicFault[] {
  return Array.isArray(read);
}
