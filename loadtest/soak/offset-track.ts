/** The offsets of a partition that one client has received, in constant memory over hours of events. */
export class OffsetTrack {
  /** Offset of the first record; null before. */
  first: number | null = null;
  /** The offset after the last record. */
  next = 0;
  /** Skipped offsets. */
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
