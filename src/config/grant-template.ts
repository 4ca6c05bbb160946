import { channelFault, channelOf } from '../wire/channel';

/** A channel that a token grants, with claims of the token as segments, such as `/orders/{sub}`. */
export interface GrantTemplate {
  /** As written. */
  readonly text: string;
  /** Literal segments are text. */
  readonly segments: readonly (string | ClaimPlaceholder)[];
}

interface ClaimPlaceholder {
  /** `a.b` is b inside a. */
  readonly claim: string;
}

/** A template, or what is wrong with it, as a sentence without a subject. */
export function parseGrantTemplate(written: string): GrantTemplate | string {
  const text = channelOf(written);
  const segments: (string | ClaimPlaceholder)[] = [];
  for (const segment of text === '/' ? [] : text.slice(1).split('/')) {
    const [, claim] = /^\{([^{}\s]+)\}$/.exec(segment) ?? [];
    if (claim === undefined && /[{}]/.test(segment))
      return `must have claims in braces as whole segments, such as /orders/{sub}, but has "${segment}"`;
    segments.push(claim === undefined ? segment : { claim });
  }
  // What a claim is filled with is checked token by token: here it counts as the shortest segment.
  const shape = segments.map((segment) => (typeof segment === 'string' ? segment : 'x'));
  return channelFault(`/${shape.join('/')}`) ?? { text, segments };
}
