/** Records of a partition that cannot be given: `from` (included) to `to` (excluded). */
export interface Gap {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: string;
}

/** What `gateway.gap` says: offsets as decimal strings, since they may pass 2^53, and how many are lost as a number. */
export function gapData({ topic, partition, from, to, reason }: Gap): object {
  return {
    reason,
    topic,
    partition,
    requested: String(from),
    available: String(to),
    lost: Number(to - from),
  };
}
