import { readFileSync } from 'node:fs';
import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import {
  INT64_TYPES,
  isFaulty,
  KEY_TYPES,
  TOPIC_NAME,
  type TopicSetting,
  topicSetting,
  UNMAPPED_ACTIONS,
  VALUE_TYPES,
  type WrittenTopic,
} from './topic-settings';

const TEXT = 'must be text';

/** One topic of TOPICS_FILE. */
const TOPIC = z.strictObject(
  {
    name: z.string(TEXT).regex(TOPIC_NAME, 'is not a Kafka topic name').describe('the topic'),
    channel: z
      .string(TEXT)
      .optional()
      .describe(
        'the channel of each record, with placeholders; without any, the base of the channels that headers say',
      ),
    event: z
      .string(TEXT)
      .optional()
      .describe('the name of each event, with placeholders; left out: the header `event` says it'),
    key: oneOf(KEY_TYPES).describe('what keys are; left out: `utf8`'),
    value: oneOf(VALUE_TYPES).describe(
      'what values are; left out: `json` where something asks for a part of them, else `utf8`',
    ),
    schemaFile: z
      .string(TEXT)
      .optional()
      .describe('file with the schema of `value: avro` or `protobuf`, whose first message is meant'),
    int64: oneOf(INT64_TYPES).describe(
      'how clients get 64-bit integers of Avro values: `number`, with all digits, or `string`; left out: `number`',
    ),
    fields: z
      .array(z.string(TEXT), 'must be a list of paths')
      .min(1, 'must name at least one field')
      .optional()
      .describe('the parts of a value that leave the gateway, as paths; left out: all'),
    where: z
      .string(TEXT)
      .optional()
      .describe('CEL expression: records for which it is not true never leave the gateway; left out: all do'),
    unmapped: oneOf(UNMAPPED_ACTIONS).describe(
      'where records without a channel of their own go: to the literal beginning of `channel` (`base`, if left out), or nowhere (`drop`)',
    ),
  } satisfies Record<keyof WrittenTopic, unknown>,
  'must be a map with a name',
);

/**
 * TOPICS_FILE: all that can be said of topics, in YAML. docs/topics.schema.json is made of this schema (`npm run docs`), so
 * that editors complete the file.
 */
export const TOPICS_FILE_SCHEMA = z.strictObject(
  { topics: z.array(TOPIC, 'must be a list of topics').min(1, 'must have at least one topic') },
  'must be a map with topics',
);

function oneOf<const Word extends string>(words: readonly [Word, ...Word[]]) {
  return z.enum(words, `must be one of ${words.join(', ')}`).optional();
}

interface FileFault {
  readonly path: readonly PropertyKey[];
  readonly fault: string;
}

/** The topics of the named file. Each fault is an issue whose path is the place, `topics.yaml:12: topics[1].channel:`. */
export function topicsFile() {
  return z
    .string()
    .transform((file, context): TopicSetting[] => {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        context.addIssue({ code: 'custom', message: `cannot be read: ${(error as Error).message}` });
        return z.NEVER;
      }
      const read = readTopics(text);
      if (!('faults' in read)) return read.topics;
      for (const { line, place, fault } of read.faults) {
        const where = [`${file}:${line}:`, ...(place === '' ? [] : [`${place}:`])].join(' ');
        context.addIssue({ code: 'custom', path: [where], message: fault });
      }
      return z.NEVER;
    })
    .optional();
}

interface PlacedFault {
  readonly line: number;
  /** `topics[1].channel`; empty: the file as a whole. */
  readonly place: string;
  readonly fault: string;
}

function readTopics(text: string): { topics: TopicSetting[] } | { faults: PlacedFault[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  if (document.errors.length > 0) {
    const faults = document.errors.map(({ message, pos }) => ({
      line: lineAt(pos[0]),
      place: '',
      fault: `is not YAML: ${message}`,
    }));
    return { faults };
  }
  const { topics, faults } = judge(document.toJS());
  if (faults.length === 0) return { topics };
  const placed = faults.map(({ path, fault }) => ({
    line: lineAt(offsetOf(document.contents, path)),
    place: placeOf(path),
    fault,
  }));
  return { faults: placed.sort((a, b) => a.line - b.line) };
}

/** All that is wrong, also in topics that have other faults. */
function judge(written: unknown): { topics: TopicSetting[]; faults: FileFault[] } {
  const topics: TopicSetting[] = [];
  const parsed = TOPICS_FILE_SCHEMA.safeParse(written);
  const faults = parsed.success ? [] : parsed.error.issues.flatMap(faultsOf);
  const list = (written as { topics?: unknown } | null)?.topics;
  for (const [i, topic] of (Array.isArray(list) ? list : []).entries()) {
    if (typeof topic !== 'object' || topic === null) continue;
    const bad = new Set(faults.filter(({ path }) => path[1] === i).map(({ path }) => path[2]));
    const sound = Object.fromEntries(Object.entries(topic).filter(([part]) => !bad.has(part)));
    const read = topicSetting({ name: 'x', ...sound } as WrittenTopic);
    if (isFaulty(read))
      faults.push(
        ...read.map(({ path, fault }) => ({ path: ['topics', i, ...path] as PropertyKey[], fault })),
      );
    else {
      if (topics.some(({ name }) => name === read.name && 'name' in sound))
        faults.push({ path: ['topics', i, 'name'], fault: `is listed twice: ${read.name}` });
      topics.push(read);
    }
  }
  return { topics, faults };
}

function faultsOf(issue: z.core.$ZodIssue): FileFault[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, fault: issue.message }];
  const known = issue.path.length === 0 ? ['topics'] : Object.keys(TOPIC.shape);
  return issue.keys.map((key) => ({
    path: [...issue.path, key],
    fault: `is not known here; there may be ${known.join(', ')}`,
  }));
}

function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

/** Where in the text the path is, as far as it is there. */
function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === part);
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else {
      node = (node as { get?(part: unknown, keepScalar: boolean): unknown })?.get?.(part, true);
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    }
  }
  return offset;
}
