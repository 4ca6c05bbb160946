import { GatewayError } from '../errors';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import { noticeData } from './notice';
import type { Resume } from './resume';
import type { StreamQuery } from './stream-query';

export interface StrictStartDeps {
  readonly hub: Pick<Hub, 'ring'>;
  readonly resume: Resume;
  readonly idOf: (positions: Positions) => string;
  readonly whenReady: () => Promise<void>;
}

/**
 * For `?strict=1`: judges a start before the stream has begun, while an error can still have a status.
 * @throws GatewayError `cursor-expired`, with what a stream would have been told and the oldest id that is still good
 */
export type CheckStrictStart = (query: StreamQuery, isOpen: () => boolean) => Promise<void>;

export function createStrictStart({ hub, resume, idOf, whenReady }: StrictStartDeps): CheckStrictStart {
  return async ({ start, subscription }, isOpen) => {
    await whenReady();
    const resolution = await resume.resolve(start, subscription, isOpen);
    const notice = resolution?.notices[0];
    if (notice === undefined) return;
    throw new GatewayError(
      'cursor-expired',
      'not everything after this id can be given back; availableFrom is the oldest id that still can',
      {
        details: {
          notice: notice.event,
          ...noticeData(notice),
          availableFrom: idOf(hub.ring.positionsAt(hub.ring.base)),
        },
      },
    );
  };
}
