/** How often something may happen, as a token bucket: a rate in the long run, and a burst at once. */
export interface RateLimit {
  /** How long to wait until one may happen again, in milliseconds; 0 means now. Takes nothing. */
  waitMs(nowMs: number): number;
  /** Counts what has happened. More than was left makes a debt, which is waited for. */
  take(count: number, nowMs: number): void;
  /** True when nothing of the burst is used: forgetting this limit changes nothing. */
  isUnused(nowMs: number): boolean;
}

export interface RateLimitOptions {
  /** In the long run. */
  readonly perSecond: number;
  /** For how long the rate is saved up: so much may happen at once, and at least one. */
  readonly burstMs: number;
}

/** Times are milliseconds of one clock that never goes back. */
export function createRateLimit({ perSecond, burstMs }: RateLimitOptions): RateLimit {
  const perMs = perSecond / 1_000;
  const burst = Math.max(1, perMs * burstMs);
  let left = burst;
  let atMs = Number.NEGATIVE_INFINITY;

  function refill(nowMs: number): void {
    if (nowMs > atMs) left = Math.min(burst, left + (nowMs - atMs) * perMs);
    atMs = Math.max(atMs, nowMs);
  }

  return {
    waitMs(nowMs) {
      refill(nowMs);
      return left >= 1 ? 0 : (1 - left) / perMs;
    },
    take(count, nowMs) {
      refill(nowMs);
      left -= count;
    },
    isUnused(nowMs) {
      refill(nowMs);
      return left === burst;
    },
  };
}

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
