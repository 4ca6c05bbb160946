/**
 * A channel names what events are about, as a path: `/`, `/pets`, `/pets/dogs`. A subscriber of a channel gets its
 * events and those of every channel below it, by whole segments: `/pet` never gets `/pets/dogs`.
 */

export const ROOT_CHANNEL = '/';

export const MAX_CHANNEL_BYTES = 255;
const MAX_SEGMENTS = 16;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A channel in its only form. Empty text stays empty, which is none: an empty variable must not mean all channels. */
export function channelOf(text: string): string {
  return text === '' || text.startsWith('/') ? text : `/${text}`;
}

/** Why `text` is not a channel (a sentence without a subject), or null when it is one. `text` is already decoded. */
export function channelFault(text: string): string | null {
  if (text === ROOT_CHANNEL) return null;
  if (text === '') return 'must not be empty';
  if (!text.startsWith('/')) return 'must begin with "/"';
  if (!text.isWellFormed()) return 'must be valid UTF-8';
  if (Buffer.byteLength(text) > MAX_CHANNEL_BYTES)
    return `must not be over ${MAX_CHANNEL_BYTES} bytes of UTF-8`;
  if (CONTROL.test(text)) return 'must not contain control characters';
  // In place, not split into an array: the channel of every record is looked at.
  let segments = 0;
  for (let start = 1; start <= text.length; ) {
    const slash = text.indexOf('/', start);
    const end = slash < 0 ? text.length : slash;
    if (++segments > MAX_SEGMENTS) return `must not have over ${MAX_SEGMENTS} segments`;
    if (end === start) return 'must not have empty segments';
    if (end - start <= 2 && '..'.startsWith(text.slice(start, end)))
      return 'must not have "." or ".." segments';
    start = end + 1;
  }
  return null;
}

/** The channel itself and each one above it: `/pets/dogs` → `/pets/dogs`, `/pets`, `/`. */
export function channelAndAncestors(channel: string): string[] {
  const found = [];
  for (let end = channel.length; end > 0; end = channel.lastIndexOf('/', end - 1))
    found.push(channel.slice(0, end));
  if (channel !== ROOT_CHANNEL) found.push(ROOT_CHANNEL);
  return found;
}

/** True when a subscriber of `channel` gets the events of `other`. */
export function covers(channel: string, other: string): boolean {
  return (
    channel === ROOT_CHANNEL ||
    channel === other ||
    (other.length > channel.length && other.startsWith(channel) && other[channel.length] === '/')
  );
}

/** True when a subscriber of one of these channels may get events of `other` or of channels below it. */
export function overlaps(channels: readonly string[], other: string): boolean {
  return channels.some((channel) => covers(channel, other) || covers(other, channel));
}

/** A set of channels in its only form: sorted, without duplicates, and without channels below another one of the set. */
export function normaliseChannels(channels: readonly string[]): string[] {
  const unique = [...new Set(channels)];
  const widest = unique
    .filter((channel) => !unique.some((other) => other !== channel && covers(other, channel)))
    .sort();
  // A filtered array has room for 17, and each stream keeps its own.
  return widest.slice();
}

/** `/base` + `/relative`; either may be `/`. */
export function joinChannels(base: string, relative: string): string {
  if (base === ROOT_CHANNEL) return relative;
  return relative === ROOT_CHANNEL ? base : base + relative;
}

/** `channel` as seen from `base`, which covers it. */
export function relativeChannel(base: string, channel: string): string {
  if (base === ROOT_CHANNEL) return channel;
  return channel === base ? ROOT_CHANNEL : channel.slice(base.length);
}

/** True when `segmentOf` makes a segment of this value: it is not empty, `.` or `..`, and without control characters. */
export function isSegmentValue(value: string): boolean {
  return value !== '' && value !== '.' && value !== '..' && value.isWellFormed() && !CONTROL.test(value);
}

/** A value as one segment of a channel: `a/b~c` → `a~1b~0c`, as JSON Pointer (RFC 6901) writes it. */
export function segmentOf(value: string): string {
  if (!value.includes('~') && !value.includes('/')) return value;
  return value.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The value that `segmentOf` wrote; null for a segment that it never writes. */
export function valueOfSegment(segment: string): string | null {
  if (!segment.includes('~')) return segment;
  return /~(?![01])/.test(segment) ? null : segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
