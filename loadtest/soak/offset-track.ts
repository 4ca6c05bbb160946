/** What one client has had of a partition, told by its offsets alone, so that hours of events need no memory. */
export class OffsetTrack {
  /** Offset of the first record; null before. */
  first: number | null = null;
  /** The offset after the last record. */
  next = 0;
  /** Offsets that were stepped over. */
  readonly skipped: number[] = [];
  repeated = 0;

  /** Takes the offset of the next record that the client received. */
  take(offset: number): void {
    if (this.first === null) {
      this.first = offset;
      this.next = offset + 1;
      return;
    }
    if (offset < this.next) {
      this.repeated++;
      return;
    }
    for (let left = this.next; left < offset; left++) this.skipped.push(left);
    this.next = offset + 1;
  }
}
