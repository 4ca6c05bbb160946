import type { Cursor } from '../../src/wire/cursor';
import type { CursorTopic } from '../../src/wire/cursor-topic';
import { timeOf } from '../../src/wire/since-time';
import { bitsOf, writeBigVarint, writeBits, writeVarint } from '../../src/wire/varint';

const TOPIC_KEY_BYTES = 4;
const FLAGS = 8;
const HAS_DIGEST = 1;
const HAS_EPOCHS = 2;
const HAS_TIMES = 4;
const NO_OFFSET = 2n ** 63n;

/** An id of version 2, as gateways wrote it before ids named what their subscription can see. */
export function formatCursorOfVersion2({ cluster, topics }: Pick<Cursor, 'cluster' | 'topics'>): string {
  const bytes = Buffer.alloc(100_000);
  let end = 0;
  if (topics.length !== 1) {
    end = writeVarint(bytes, end, 0);
    end = writeVarint(bytes, end, topics.length);
  }
  for (const topic of topics) end = writeTopicOfVersion2(bytes, end, topic);
  return `2.${cluster}.${bytes.toString('base64url', 0, end)}`;
}

function writeTopicOfVersion2(bytes: Buffer, start: number, { key, positions, epochs }: CursorTopic): number {
  const count = positions.length;
  const firstEpoch = epochs[0]!;
  let flags = key.length > 2 * TOPIC_KEY_BYTES ? HAS_DIGEST : 0;
  let smallest = NO_OFFSET;
  let largest = 0n;
  for (let i = 0; i < count; i++) {
    const position = positions[i]!;
    if (position < 0n) flags |= HAS_TIMES;
    else {
      if (position < smallest) smallest = position;
      if (position > largest) largest = position;
    }
    if (epochs[i] !== firstEpoch) flags |= HAS_EPOCHS;
  }
  let end = writeVarint(bytes, start, count * FLAGS + flags);
  end += bytes.write(key, end, 'hex');
  end = flags & HAS_EPOCHS ? writeEpochs(bytes, end, epochs) : writeVarint(bytes, end, firstEpoch + 1);
  if (flags & HAS_TIMES) end = writeBits(bytes, end, positions, 1, (position) => Number(position < 0n));
  if (smallest !== NO_OFFSET) {
    end = writeBigVarint(bytes, end, smallest);
    if (count === 1) return end;
  }
  // Real offsets are below 2^53, and subtracting numbers is several times faster than subtracting bigints.
  const isSmall = largest <= Number.MAX_SAFE_INTEGER;
  const smallestNumber = Number(smallest);
  for (let i = 0; i < count; i++) {
    const position = positions[i]!;
    if (position < 0n) end = writeVarint(bytes, end, timeOf(position)!);
    else if (isSmall) end = writeVarint(bytes, end, Number(position) - smallestNumber);
    else end = writeBigVarint(bytes, end, position - smallest);
  }
  return end;
}

function writeEpochs(bytes: Buffer, start: number, epochs: readonly number[]): number {
  const smallest = Math.min(...epochs);
  const bits = bitsOf(Math.max(...epochs) - smallest);
  let end = writeVarint(bytes, start, smallest + 1);
  end = writeVarint(bytes, end, bits);
  return writeBits(bytes, end, epochs, bits, (epoch) => epoch - smallest);
}

/** An id of version 1, as gateways before 0.2 wrote it. */
export function formatOldCursor(
  cluster: string,
  topics: readonly { readonly key: number; readonly positions: readonly bigint[] }[],
): string {
  const bytes: number[] = [];
  const add = (value: bigint) => {
    let rest = value;
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
  };
  for (const { key, positions } of topics) {
    bytes.push(key >> 8, key & 255);
    add(BigInt(positions.length));
    for (const [i, position] of positions.entries()) {
      const difference = position - (positions[i - 1] ?? 0n);
      if (i === 0) add(position);
      else add(difference >= 0n ? difference << 1n : (-difference << 1n) - 1n);
    }
  }
  return `1.${cluster}.${Buffer.from(bytes).toString('base64url')}`;
}
