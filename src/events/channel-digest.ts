/** A small set of channels: it may have more than were put in, never fewer. */
export interface ChannelDigest {
  readonly bytes: number;
  mayHave(channel: string): boolean;
}

/** Together they let 1 of 100 channels in that is not there. */
const BITS_PER_CHANNEL = 10;
const PROBES = 7;

/** A Bloom filter (doi:10.1145/362686.362692), its probes by double hashing. */
export function createChannelDigest(channels: ReadonlySet<string>): ChannelDigest {
  const size = Math.max(8, channels.size * BITS_PER_CHANNEL);
  const bits = new Uint8Array(Math.ceil(size / 8));

  /** Whether all probes of a channel are set, after `visit` has seen each. */
  function everyProbe(channel: string, visit: (byte: number, mask: number) => boolean): boolean {
    let at = hash(channel, 0);
    const step = hash(channel, 1) | 1;
    for (let i = 0; i < PROBES; i++, at = (at + step) >>> 0) {
      const bit = at % size;
      if (!visit(bit >>> 3, 1 << (bit & 7))) return false;
    }
    return true;
  }

  for (const channel of channels)
    everyProbe(channel, (byte, mask) => {
      bits[byte]! |= mask;
      return true;
    });
  return {
    bytes: bits.length,
    mayHave: (channel) => everyProbe(channel, (byte, mask) => (bits[byte]! & mask) !== 0),
  };
}

/** FNV-1a with a last mix, so that channels that differ in their last character are far apart. */
function hash(text: string, seed: number): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
