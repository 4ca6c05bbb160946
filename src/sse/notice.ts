import type { Positions } from '../hub/ring';
import { type Gap, gapData } from './gap';
import type { StreamGap, StreamReset } from './gateway-events';

/** What a stream is told before its first event, because something cannot be given back. */
export type Notice =
  | {
      readonly event: 'gateway.gap';
      readonly gap: Gap & { readonly reason: 'retention' };
      /** What its id says. */
      readonly positions: Positions;
    }
  | {
      readonly event: 'gateway.reset';
      readonly reason: Exclude<StreamReset['reason'], 'truncated' | 'recreated'>;
      readonly positions: Positions;
    };

export function noticeData(notice: Notice): StreamGap | StreamReset {
  return notice.event === 'gateway.gap' ? gapData(notice.gap) : { reason: notice.reason };
}
