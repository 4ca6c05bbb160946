import { channelFault, channelOf, ROOT_CHANNEL } from '../wire/channel';

/**
 * A channel with placeholders, such as `/orders/{key}` or `/trips/{headers.region}`. A placeholder is a whole segment, so
 * that a channel tells every value it was made of, and records with different values never share one.
 */
export interface ChannelTemplate {
  /** As written. */
  readonly text: string;
  /** Literal segments are text. */
  readonly segments: readonly (string | Placeholder)[];
}

/** The name of an event, such as `{value.type}` or `order.{headers.state}`: a placeholder may be anywhere. */
export interface EventTemplate {
  readonly text: string;
  readonly parts: readonly (string | Placeholder)[];
}

/** What of a record is filled in. */
export type Placeholder =
  | { readonly from: 'key' }
  | { readonly from: 'partition' }
  | { readonly from: 'header'; readonly name: string }
  | { readonly from: 'value'; readonly path: ValuePath };

/** Names of members, or indexes of lists, from the outermost on. Empty: the value itself. */
export type ValuePath = readonly string[];

const PLACEHOLDERS = '{key}, {headers.NAME}, {value.PATH}, {topic} or {partition}';

/** True when the text has placeholders, or is meant to. */
export function hasPlaceholders(text: string): boolean {
  return /[{}]/.test(text);
}

/**
 * A channel with placeholders, or what is wrong with it, as a sentence without a subject.
 * @param topic stands for `{topic}`
 */
export function parseChannelTemplate(written: string, topic: string): ChannelTemplate | string {
  const text = channelOf(written);
  const segments: (string | Placeholder)[] = [];
  for (const segment of text.slice(1).split('/')) {
    const parsed = hasPlaceholders(segment) ? parsePlaceholder(segment, topic) : segment;
    if (parsed === null)
      return `must have only ${PLACEHOLDERS} as placeholders, each a whole segment, but has "${segment}"`;
    segments.push(parsed);
  }
  // What a placeholder is filled with is checked record by record: here it counts as the shortest segment.
  const shape = segments.map((segment) => (typeof segment === 'string' ? segment : 'x'));
  return channelFault(`/${shape.join('/')}`) ?? { text, segments };
}

/** The literal segments before the first placeholder, as a channel: every channel of the template is below it. */
export function literalBeginning({ segments }: ChannelTemplate): string {
  const first = segments.findIndex((segment) => typeof segment !== 'string');
  const literal = first < 0 ? segments : segments.slice(0, first);
  return literal.length === 0 ? ROOT_CHANNEL : `/${literal.join('/')}`;
}

/** The name of an event, or what is wrong with it, as a sentence without a subject. */
export function parseEventTemplate(text: string, topic: string): EventTemplate | string {
  const parts: (string | Placeholder)[] = [];
  for (const piece of text.split(/(\{[^{}]*\})/).filter((found) => found !== '')) {
    const parsed = hasPlaceholders(piece) ? parsePlaceholder(piece, topic) : piece;
    if (parsed === null) return `must have only ${PLACEHOLDERS} as placeholders, but has "${piece}"`;
    parts.push(parsed);
  }
  return { text, parts };
}

/** A path into a value such as `driver.id`, or null for what is none. */
export function parseValuePath(text: string): ValuePath | null {
  const path = text.split('.');
  return path.includes('') ? null : path;
}

/** Null for what is no placeholder. */
function parsePlaceholder(text: string, topic: string): string | Placeholder | null {
  const [, inner = ''] = /^\{([^{}]*)\}$/.exec(text) ?? [];
  if (inner === 'topic') return topic;
  if (inner === 'key' || inner === 'partition') return { from: inner };
  if (inner === 'value') return { from: 'value', path: [] };
  const [, room, rest = ''] = /^(headers|value)\.(.+)$/.exec(inner) ?? [];
  if (room === 'headers') return { from: 'header', name: rest };
  const path = room === 'value' ? parseValuePath(rest) : null;
  return path === null ? null : { from: 'value', path };
}
