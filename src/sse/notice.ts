import type { Positions } from '../hub/ring';
import { gapData } from './gap';

/** What a stream is told before its first event, because something cannot be given back. */
export type Notice =
  | {
      readonly event: 'gateway.gap';
      readonly gap: { topic: string; partition: number; from: bigint; to: bigint; reason: 'retention' };
      /** What its id says. */
      readonly positions: Positions;
    }
  | {
      readonly event: 'gateway.reset';
      readonly reason: 'invalid' | 'cluster' | 'topic' | 'partitions' | 'ahead';
      readonly positions: Positions;
    };

export function noticeData(notice: Notice): object {
  return notice.event === 'gateway.gap' ? gapData(notice.gap) : { reason: notice.reason };
}
