import type { Positions } from '../hub/ring';
import { type Gap, gapData } from '../wire/gap';
import type { StreamGap, StreamReset } from '../wire/gateway-events';

/** Topics whose past cannot be given back; the others go on where they were. */
export interface ResetNotice {
  readonly event: 'gateway.reset';
  readonly reason: Exclude<StreamReset['reason'], 'recreated'>;
  readonly topics: readonly string[];
  /** What its id says. */
  readonly positions: Positions;
}

/** What a stream is told before its first event, because something cannot be given back. */
export type Notice =
  | {
      readonly event: 'gateway.gap';
      readonly gap: Gap & { readonly reason: 'retention' };
      /** What its id says. */
      readonly positions: Positions;
    }
  | ResetNotice;

export function noticeData(notice: Notice): StreamGap | StreamReset {
  if (notice.event === 'gateway.gap') return gapData(notice.gap);
  const { reason, topics } = notice;
  return { reason, topics };
}
