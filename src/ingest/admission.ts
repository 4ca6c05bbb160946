import type { IncomingMessage } from 'node:http';
import { type Grant, grants, notGranted } from '../auth/grant';
import type { PublishGuard } from '../auth/publish-guard';
import type { Config } from '../config';
import { fieldError, GatewayError } from '../errors';
import { type ClientAddress, networkOf } from '../http/client-address';
import { createClientRateLimits, createRateLimit } from '../http/rate-limit';

interface IngestAdmissionDeps {
  readonly guard: PublishGuard;
  readonly clientAddress: ClientAddress;
  readonly config: Pick<Config['ingest'], 'inFlight' | 'rate'>;
  readonly draining: () => GatewayError | null;
}

/** Which requests may publish now: by load, credentials and rate. */
export interface IngestAdmission {
  /** A place among the requests in flight, for the time from its head to its answer; null: all are taken. */
  enter(): InFlightPlace | null;
  /** Judges the head of a request, and counts it as one event. */
  judge(req: IncomingMessage, place: InFlightPlace | null): Promise<Verdict>;
  /** What all publishing requests together have in memory. */
  readonly inFlight: { readonly requests: number; readonly bytes: number };
}

export interface InFlightPlace {
  /** Counts bytes that are kept. False: they are too many, and not counted. */
  take(bytes: number): boolean;
  /** To be called once. */
  leave(): void;
}

export interface Verdict {
  /** Why the request may not publish; null: it may. */
  readonly rejection: GatewayError | null;
  /** Why it may not publish to this channel, or null. */
  channelFault(channel: string): GatewayError | null;
  /** Counts the events of this request beyond its first. */
  count(furtherEvents: number): void;
}

export function createIngestAdmission(deps: IngestAdmissionDeps): IngestAdmission {
  const { guard, clientAddress, draining } = deps;
  const { maxRequests, maxBytes } = deps.config.inFlight;
  const { perSecond, perClientPerSecond, burstMs, maxClients } = deps.config.rate;
  const total = perSecond === 0 ? null : createRateLimit({ perSecond, burstMs });
  const clients =
    perClientPerSecond === 0
      ? null
      : createClientRateLimits({ perSecond: perClientPerSecond, burstMs, maxClients });
  const inFlight = { requests: 0, bytes: 0 };

  /** @throws GatewayError `rate-limited` */
  function admit(req: IncomingMessage, grant: Grant): Verdict {
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
      rejection: encodingFault(req),
      channelFault: (channel) => (grants(grant, channel) ? null : notGranted(grant, 'publishing', channel)),
      count,
    };
  }

  return {
    inFlight,
    enter() {
      if (inFlight.requests >= maxRequests) return null;
      inFlight.requests++;
      let taken = 0;
      return {
        take(bytes) {
          if (inFlight.bytes + bytes > maxBytes) return false;
          inFlight.bytes += bytes;
          taken += bytes;
          return true;
        },
        leave() {
          inFlight.requests--;
          inFlight.bytes -= taken;
        },
      };
    },
    async judge(req, place) {
      if (place === null) return rejected(new GatewayError('too-many-in-flight'));
      const stopping = draining();
      if (stopping !== null) return rejected(stopping);
      try {
        const asked = guard(req);
        return admit(req, asked instanceof Promise ? await asked : asked);
      } catch (thrown) {
        if (thrown instanceof GatewayError) return rejected(thrown);
        throw thrown;
      }
    },
  };
}

function rejected(rejection: GatewayError): Verdict {
  return { rejection, channelFault: () => rejection, count: () => undefined };
}

/** A compressed body would be stored as it is, and no browser could read the event. */
function encodingFault(req: IncomingMessage): GatewayError | null {
  const encoding = req.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return null;
  return fieldError(
    'unsupported-media-type',
    'Content-Encoding',
    `Content-Encoding ${encoding} is not supported: send the body as it is`,
  );
}
