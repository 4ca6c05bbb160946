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

/** What of a record is filled in. */
export type Placeholder =
  | { readonly from: 'key' }
  | { readonly from: 'partition' }
  | { readonly from: 'header'; readonly name: string };

const PLACEHOLDERS = '{key}, {headers.NAME}, {topic} or {partition}';

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
    const parsed = parseSegment(segment, topic);
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

/** Null for what is neither a literal segment nor a placeholder. */
function parseSegment(segment: string, topic: string): string | Placeholder | null {
  if (!hasPlaceholders(segment)) return segment;
  const [, inner = ''] = /^\{([^{}]*)\}$/.exec(segment) ?? [];
  if (inner === 'topic') return topic;
  if (inner === 'key' || inner === 'partition') return { from: inner };
  const [, name] = /^headers\.(.+)$/.exec(inner) ?? [];
  return name === undefined ? null : { from: 'header', name };
}
