const BLOCK_BITS = 5;
/** Slots of one block. */
const BLOCK = 1 << BLOCK_BITS;

/** Heap that an object takes beside the elements of its two arrays, and an element. */
const POSITIONS_BYTES = 144;
const ELEMENT_BYTES = 8;

type Block = readonly bigint[];

/**
 * By slot, the offset of the next record that this gateway, or a stream, does not have yet. Never changes once made.
 * It is kept in blocks: positions that were made from others by `with` share all blocks but one with them. So the
 * positions of a record cost about the same with ten partitions and with a thousand.
 */
export class Positions implements Iterable<bigint> {
  static readonly NONE = new Positions([], 0);

  readonly length: number;
  readonly #blocks: readonly Block[];

  private constructor(blocks: readonly Block[], length: number) {
    this.#blocks = blocks;
    this.length = length;
  }

  static of(values: readonly bigint[]): Positions {
    const blocks: Block[] = [];
    for (let slot = 0; slot < values.length; slot += BLOCK) blocks.push(values.slice(slot, slot + BLOCK));
    return new Positions(blocks, values.length);
  }

  /** Undefined for a slot that was added later. */
  at(slot: number): bigint | undefined {
    return this.#blocks[slot >>> BLOCK_BITS]?.[slot & (BLOCK - 1)];
  }

  /** @throws RangeError for a slot that they do not have */
  with(slot: number, position: bigint): Positions {
    if (slot >= this.length) throw new RangeError(`there is no slot ${slot} among ${this.length}`);
    const blocks = this.#blocks.slice();
    const block = blocks[slot >>> BLOCK_BITS]!.slice();
    block[slot & (BLOCK - 1)] = position;
    blocks[slot >>> BLOCK_BITS] = block;
    return new Positions(blocks, this.length);
  }

  /** With further slots. */
  concat(added: readonly bigint[]): Positions {
    return Positions.of([...this, ...added]);
  }

  equals(other: Positions): boolean {
    if (this.length !== other.length) return false;
    for (let slot = this.nextUnshared(other, 0, this.length); slot < this.length; ) {
      if (this.at(slot) !== other.at(slot)) return false;
      slot = this.nextUnshared(other, slot + 1, this.length);
    }
    return true;
  }

  /**
   * The first slot from `slot` on that is in a block which the two do not share; at least `end` when there is none before.
   * In all that is skipped they are the same.
   */
  nextUnshared(other: Positions, slot: number, end: number): number {
    let next = slot;
    while (next < end && this.#blocks[next >>> BLOCK_BITS] === other.#blocks[next >>> BLOCK_BITS])
      next = ((next >>> BLOCK_BITS) + 1) << BLOCK_BITS;
    return next;
  }

  /** Heap that it takes when it was made by `with`: what it does not share. */
  get ownBytes(): number {
    return POSITIONS_BYTES + ELEMENT_BYTES * (this.#blocks.length + Math.min(BLOCK, this.length));
  }

  *[Symbol.iterator](): Iterator<bigint> {
    for (const block of this.#blocks) yield* block;
  }
}
