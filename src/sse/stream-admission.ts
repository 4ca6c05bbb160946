import type { Config } from '../config';
import { GatewayError } from '../errors';
import { networkOf } from '../http/client-address';
import { createRateLimit } from '../http/rate-limit';
import type { Hub } from '../hub/hub';
import type { Subscription } from '../hub/subscription';
import type { OpenStreams } from './open-streams';

interface StreamAdmissionDeps {
  readonly hub: Pick<Hub, 'subscriptions' | 'isSubscribed'>;
  readonly streams: Pick<OpenStreams, 'count'>;
  readonly config: Config['streams'];
  readonly draining: () => GatewayError | null;
}

/** The limits of this gateway: whether one more stream may be opened. */
export interface StreamAdmission {
  /** The limit that this stream would exceed, or null. Counts nothing. */
  rejection(clientIp: string, subscription: Subscription): GatewayError | null;
  /** The rate limit of new streams, or null, which counts as one new stream. */
  rateRejection(): GatewayError | null;
  opened(clientIp: string): void;
  closed(clientIp: string): void;
}

export function createStreamAdmission(deps: StreamAdmissionDeps): StreamAdmission {
  const { hub, streams, draining } = deps;
  const { maxStreams, maxStreamsPerIp, maxSubscriptions, acceptPerSecond, acceptBurstMs } = deps.config;
  const accepts =
    acceptPerSecond === 0 ? null : createRateLimit({ perSecond: acceptPerSecond, burstMs: acceptBurstMs });
  /** Streams per network; null when there is no limit. */
  const counts = maxStreamsPerIp === 0 ? null : new Map<string, number>();

  function add(clientIp: string, change: 1 | -1): void {
    if (counts === null) return;
    const network = networkOf(clientIp);
    const count = (counts.get(network) ?? 0) + change;
    if (count === 0) counts.delete(network);
    else counts.set(network, count);
  }

  return {
    rejection(clientIp, { key }) {
      const stopping = draining();
      if (stopping !== null) return stopping;
      if (streams.count >= maxStreams)
        return new GatewayError(
          'too-many-streams',
          `the limit of ${maxStreams} streams is reached; try again later`,
        );
      if (counts !== null && (counts.get(networkOf(clientIp)) ?? 0) >= maxStreamsPerIp)
        return new GatewayError(
          'too-many-streams-per-ip',
          `the limit of ${maxStreamsPerIp} streams from one address is reached; close one or try again later`,
        );
      if (hub.subscriptions >= maxSubscriptions && !hub.isSubscribed(key))
        return new GatewayError(
          'too-many-subscriptions',
          `the limit of ${maxSubscriptions} different subscriptions is reached; try again later`,
        );
      return null;
    },
    rateRejection() {
      if (accepts === null) return null;
      const nowMs = performance.now();
      if (accepts.waitMs(nowMs) > 0)
        return new GatewayError(
          'too-many-connects',
          `over ${acceptPerSecond} new streams in a second; try again later`,
        );
      accepts.take(1, nowMs);
      return null;
    },
    opened: (clientIp) => add(clientIp, 1),
    closed: (clientIp) => add(clientIp, -1),
  };
}
