import { createRateLimit, type RateLimit, type RateLimitOptions } from './rate-limit';

export interface ClientRateLimitsOptions extends RateLimitOptions {
  /** Clients remembered at a time. Beyond it the one that was new the longest ago is forgotten. */
  readonly maxClients: number;
}

/** The same rate limit for each client, of as many clients as fit. */
export interface ClientRateLimits {
  of(client: string, nowMs: number): RateLimit;
  readonly size: number;
}

export function createClientRateLimits(options: ClientRateLimitsOptions): ClientRateLimits {
  const limits = new Map<string, RateLimit>();

  /** A Map's order is that of insertion: those at its front have had the most time to recover. */
  function makeRoom(nowMs: number): void {
    for (const [client, limit] of limits) {
      if (limits.size < options.maxClients && !limit.isUnused(nowMs)) return;
      limits.delete(client);
    }
  }

  return {
    of(client, nowMs) {
      const known = limits.get(client);
      if (known !== undefined) return known;
      if (limits.size >= options.maxClients) makeRoom(nowMs);
      const limit = createRateLimit(options);
      limits.set(client, limit);
      return limit;
    },
    get size() {
      return limits.size;
    },
  };
}
