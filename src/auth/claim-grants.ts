import type { JWTPayload } from 'jose';
import type { GrantTemplate } from '../config/grant-template';
import { channelFault, channelOf, isSegmentValue, segmentOf } from '../wire/channel';

/** What the claims of a token grant. */
export interface ClaimGrants {
  /** Each with the channels below it. */
  readonly channels: readonly string[];
  /** Claims that templates wanted and that have no usable value: their channels are not granted. */
  readonly missingClaims: readonly string[];
}

/** How the claims of a token become channels. */
interface ClaimGrantRules {
  /** Claim with channels. */
  readonly claim: string;
  readonly templates: readonly GrantTemplate[];
  /** Channels that one token may grant at most by templates: lists in several claims multiply. */
  readonly maxChannels: number;
}

/**
 * The channels in the claim that lists them, and those of the templates. A value in a template is one segment of a channel
 * whatever it holds, so no value grants more than the template says; without a value the template grants nothing.
 * @throws RangeError when the templates make more than `maxChannels`
 */
export function grantsOf(
  payload: JWTPayload,
  { claim, templates, maxChannels }: ClaimGrantRules,
): ClaimGrants {
  const channels = new Set(listedChannels(claimOf(payload, claim)));
  const missing = new Set<string>();
  let made = 0;
  for (const template of templates) {
    const values = new Map<string, readonly string[]>();
    for (const segment of template.segments)
      if (typeof segment !== 'string') values.set(segment.claim, segmentsOf(claimOf(payload, segment.claim)));
    for (const [name, found] of values) if (found.length === 0) missing.add(name);
    made += [...values.values()].reduce((product, found) => product * found.length, 1);
    if (made > maxChannels) throw new RangeError(`the token's claims make more than ${maxChannels} channels`);
    for (const channel of filled(template, values)) if (channelFault(channel) === null) channels.add(channel);
  }
  return { channels: [...channels], missingClaims: [...missing] };
}

/** A list of channels or one channel. Invalid ones grant nothing. */
function listedChannels(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values
    .filter((it) => typeof it === 'string')
    .map(channelOf)
    .filter((channel) => channelFault(channel) === null);
}

/** The values of a claim as segments: a scalar or a list of scalars. A list with anything else has no values. */
function segmentsOf(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const texts = values.map((it) => (isScalar(it) ? String(it) : ''));
  return texts.every(isSegmentValue) ? [...new Set(texts)].map(segmentOf) : [];
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

/** The template with each combination of values. A claim that occurs twice has the same value in both places. */
function filled(
  { segments }: GrantTemplate,
  values: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  let combinations: readonly ReadonlyMap<string, string>[] = [new Map()];
  for (const [claim, found] of values)
    combinations = combinations.flatMap((one) => found.map((value) => new Map(one).set(claim, value)));
  return combinations.map(
    (one) =>
      `/${segments.map((segment) => (typeof segment === 'string' ? segment : one.get(segment.claim)!)).join('/')}`,
  );
}

/** The claim of that name, dots included, else the one at that path, such as `gateway.subscribe`. */
function claimOf(payload: JWTPayload, claim: string): unknown {
  if (Object.hasOwn(payload, claim)) return payload[claim];
  let value: unknown = payload;
  for (const name of claim.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
