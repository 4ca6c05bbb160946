import type { IncomingMessage } from 'node:http';
import { type Grant, grants, type PublishGuard } from '../auth/grant';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { ClientAddress } from '../http/client-address';
import { networkOf } from '../http/client-address';
import { type ClientRateLimits, createClientRateLimits, createRateLimit } from '../http/rate-limit';
import { encodingFault, readBody } from './body';
import type { InFlight } from './in-flight';

export interface IngestAdmissionDeps {
  readonly guard: PublishGuard;
  readonly inFlight: InFlight;
  readonly clientAddress: ClientAddress;
  readonly config: Config['ingest'];
  readonly draining: () => GatewayError | null;
}

/** A request that may publish. */
export interface Admitted {
  /** Why not there, or null. */
  channelFault(channel: string): GatewayError | null;
  /** Counts the events of this request beyond its first. */
  count(furtherEvents: number): void;
}

/** Who may publish now. */
export interface IngestAdmission {
  /**
   * Judges a request, reads its body, and holds its place among those in flight until `publish` is through. The whole
   * request is judged before its body is read, but answered after: see readBody.
   * @param fault what else is wrong with it, as far as its head tells
   * @throws GatewayError `draining`, `too-many-in-flight`, `unauthorized`, `forbidden`, `auth-unavailable`,
   *   `rate-limited`, and those of the fault and the body
   */
  accept<T>(
    req: IncomingMessage,
    maxBytes: number,
    fault: (admitted: Admitted) => GatewayError | null,
    publish: (body: Buffer, admitted: Admitted) => Promise<T>,
  ): Promise<T>;
}

export function createIngestAdmission(deps: IngestAdmissionDeps): IngestAdmission {
  const { guard, inFlight, clientAddress, draining } = deps;
  const { perSecond, perClientPerSecond, burstMs, maxClients } = deps.config.rate;
  const total = perSecond === 0 ? null : createRateLimit({ perSecond, burstMs });
  const clients: ClientRateLimits | null =
    perClientPerSecond === 0
      ? null
      : createClientRateLimits({ perSecond: perClientPerSecond, burstMs, maxClients });

  function admit(req: IncomingMessage, grant: Grant): Admitted {
    const nowMs = performance.now();
    const own = clients?.of(grant.holder ?? networkOf(clientAddress.of(req)), nowMs) ?? null;
    const waitMs = Math.max(own?.waitMs(nowMs) ?? 0, total?.waitMs(nowMs) ?? 0);
    if (waitMs > 0) {
      const retryAfterSeconds = Math.ceil(waitMs / 1_000);
      throw new GatewayError('rate-limited', `over the rate of events; try again in ${retryAfterSeconds} s`, {
        details: { retryAfterSeconds },
      });
    }
    const count = (events: number) => {
      own?.take(events, nowMs);
      total?.take(events, nowMs);
    };
    count(1);
    return {
      channelFault: (channel) =>
        grants(grant, channel)
          ? null
          : new GatewayError('forbidden', `publishing to ${channel} is not granted`, {
              details: { field: 'channel' },
            }),
      count,
    };
  }

  async function judge(
    req: IncomingMessage,
    fault: (admitted: Admitted) => GatewayError | null,
  ): Promise<Admitted | GatewayError> {
    try {
      const stopping = draining();
      if (stopping !== null) return stopping;
      const asked = guard(req);
      const admitted = admit(req, asked instanceof Promise ? await asked : asked);
      return encodingFault(req) ?? fault(admitted) ?? admitted;
    } catch (thrown) {
      if (thrown instanceof GatewayError) return thrown;
      throw thrown;
    }
  }

  return {
    async accept(req, maxBytes, fault, publish) {
      const place = inFlight.enter();
      if (place === null) {
        await readBody(req, maxBytes, null);
        throw new GatewayError('too-many-in-flight');
      }
      try {
        const admitted = await judge(req, fault);
        const body = await readBody(req, maxBytes, admitted instanceof GatewayError ? null : place);
        if (admitted instanceof GatewayError) throw admitted;
        return await publish(body, admitted);
      } finally {
        place.leave();
      }
    },
  };
}
