/** How many changes of leader are remembered; what is older has to be asked of the log. */
const MAX_EPOCHS = 32;
const UNKNOWN_EPOCH = -1;

/** What was read of a partition, with the leader epoch it was written under. */
export interface EpochRange {
  /** The position before it. */
  readonly from: bigint;
  /** Offset of its first record; null when it has none. */
  readonly first: bigint | null;
  readonly next: bigint;
  /** −1 when it is not known. */
  readonly leaderEpoch: number;
}

/** The leader epochs of one partition, as far as its records told them to this replica. */
export class LeaderEpochs {
  /** Ascending; where each begins is known exactly unless there was a hole. */
  #epochs: { readonly epoch: number; readonly from: bigint; readonly isExact: boolean }[] = [];
  #next = 0n;

  /** In offset order. */
  note({ from, first, next, leaderEpoch }: EpochRange): void {
    this.#next = next;
    const last = this.#epochs.at(-1)?.epoch ?? UNKNOWN_EPOCH;
    if (leaderEpoch === last) return;
    if (leaderEpoch < last) this.#epochs = [];
    if (leaderEpoch === UNKNOWN_EPOCH) return;
    this.#epochs.push({ epoch: leaderEpoch, from, isExact: first === from });
    if (this.#epochs.length > MAX_EPOCHS) this.#epochs.shift();
  }

  /** The same, of what lies before `to`: records from there on were taken away. */
  before(to: bigint): LeaderEpochs {
    const kept = new LeaderEpochs();
    kept.#epochs = this.#epochs.filter(({ from }) => from < to);
    kept.#next = this.#next < to ? this.#next : to;
    return kept;
  }

  /**
   * The latest epoch whose log has all before `position`; −1 when none is known. Later than that of the record before it,
   * perhaps: a log that is truncated below `position` afterwards ends under either of them at the same offset.
   */
  at(position: bigint): number {
    return position > this.#next ? UNKNOWN_EPOCH : (this.#epochs.at(-1)?.epoch ?? UNKNOWN_EPOCH);
  }

  /**
   * Judges a position that was reached under an epoch: `kept` when the log still has what lies before it, the offset
   * where the log that it is of ended when records were taken away, `unknown` when only the log can tell.
   */
  judge(position: bigint, epoch: number): 'kept' | 'unknown' | bigint {
    const index = this.#epochs.findLastIndex((known) => known.epoch <= epoch);
    if (index < 0) return 'unknown';
    const later = this.#epochs[index + 1];
    if (position <= (later?.from ?? this.#next)) return 'kept';
    return later?.isExact ? later.from : 'unknown';
  }
}
