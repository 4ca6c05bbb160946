import type { StreamGap } from './gateway-events';

/** Records of a partition that cannot be given: `from` (included) to `to` (excluded). */
export interface Gap {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: StreamGap['reason'];
}

export function gapData({ topic, partition, from, to, reason }: Gap): StreamGap {
  return {
    reason,
    topic,
    partition,
    requested: String(from),
    available: String(to),
    lost: Number(to - from),
  };
}
