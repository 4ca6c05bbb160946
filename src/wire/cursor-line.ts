import { type Cursor, type CursorVector, cursorHead, cursorVector } from './cursor';
import { replaceOffset } from './cursor-topic';
import { idLine } from './frame';

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');

/**
 * The `id:` line of a cursor, which can follow one partition to its next offset by changing a few characters: an id of
 * a thousand partitions would else be written anew for each record.
 */
export class CursorLine {
  /** Changed by `move`. */
  readonly bytes: Buffer;
  readonly #vector: CursorVector;
  /** Where the characters of the vector begin. */
  readonly #start: number;

  constructor({ cluster, topics }: Pick<Cursor, 'cluster' | 'topics'>) {
    this.#vector = cursorVector(topics);
    const head = cursorHead(cluster);
    const line = idLine(head + this.#vector.bytes.toString('base64url'));
    this.#start = line.indexOf(head) + head.length;
    this.bytes = Buffer.from(line);
  }

  get id(): string {
    return this.bytes.toString('latin1', idLine('').length - 1, this.bytes.length - 1);
  }

  /**
   * @param topic its index in the cursor
   * @returns false when it does not fit: then nothing was changed, and the line has to be made anew
   */
  move(topic: number, partition: number, position: bigint): boolean {
    const places = this.#vector.places[topic]!;
    if (places === null || position < 0n || position > Number.MAX_SAFE_INTEGER) return false;
    if (!replaceOffset(this.#vector.bytes, places, partition, Number(position))) return false;
    const { at, width } = places;
    const start = at + partition * width;
    for (let group = Math.floor(start / 3); group * 3 < start + width; group++) this.#encode(group);
    return true;
  }

  /** Three bytes as four characters; fewer at the end. */
  #encode(group: number): void {
    const { bytes } = this.#vector;
    const from = 3 * group;
    const to = this.#start + 4 * group;
    const [a, b = 0, c = 0] = [bytes[from]!, bytes[from + 1], bytes[from + 2]];
    this.bytes[to] = ALPHABET[a >> 2]!;
    this.bytes[to + 1] = ALPHABET[((a & 3) << 4) | (b >> 4)]!;
    if (from + 1 < bytes.length) this.bytes[to + 2] = ALPHABET[((b & 15) << 2) | (c >> 6)]!;
    if (from + 2 < bytes.length) this.bytes[to + 3] = ALPHABET[c & 63]!;
  }
}
