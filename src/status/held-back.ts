import type { PartitionStatus } from '../eventlog/event-log';

/** The partitions that an open transaction has held back for this long. */
export function heldBackFor(partitions: readonly PartitionStatus[], ms: number): readonly PartitionStatus[] {
  const nowMs = Date.now();
  return partitions.filter(
    ({ heldBackSince }) => heldBackSince !== null && nowMs - Date.parse(heldBackSince) >= ms,
  );
}
