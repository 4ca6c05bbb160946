/** Leader epochs of what was read last, with where each of them began. */
export class EpochHistory {
  /** Ascending in both. */
  #begun: { readonly epoch: number; readonly start: bigint }[] = [];

  /** −1 when it is not known. */
  get latest(): number {
    return this.#begun.at(-1)?.epoch ?? UNKNOWN_EPOCH;
  }

  /** What follows from `start` on is of this epoch; −1 is not known, nor is what lies before it then. */
  begin(epoch: number, start: bigint): void {
    if (epoch <= this.latest) this.#begun = [];
    if (epoch === UNKNOWN_EPOCH) return;
    this.#begun.push({ epoch, start });
    if (this.#begun.length > MAX_EPOCHS) this.#begun.shift();
  }

  /** Where the records of `epoch` and earlier ones end; null when all that is known is of them. */
  endOf(epoch: number): bigint | null {
    return this.#begun.find((entry) => entry.epoch > epoch)?.start ?? null;
  }

  /** Nothing from `end` on was read. */
  truncate(end: bigint): void {
    this.#begun = this.#begun.filter(({ start }) => start < end);
  }

  forget(): void {
    this.#begun = [];
  }
}

const UNKNOWN_EPOCH = -1;
/** Elections that a truncation may reach back over: each costs one more question, and beyond them none is asked. */
const MAX_EPOCHS = 100;
