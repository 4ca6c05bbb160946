/** How often something may happen, as a token bucket: a rate in the long run, and a burst at once. */
interface RateLimit {
  /** Milliseconds until one may happen again; 0: now. Takes nothing. */
  waitMs(nowMs: number): number;
  /** Counts what has happened. More than was left becomes a debt, which lengthens the wait. */
  take(count: number, nowMs: number): void;
  /** True when the bucket is full: forgetting this limit changes nothing. */
  isUnused(nowMs: number): boolean;
}

interface RateLimitOptions {
  readonly perSecond: number;
  /** Size of the burst, in milliseconds of the rate; at least one may always happen. */
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

interface ClientRateLimits {
  of(client: string, nowMs: number): RateLimit;
  readonly size: number;
}

/** @param options.maxClients clients remembered at a time: beyond it the one known for longest is evicted */
export function createClientRateLimits(
  options: RateLimitOptions & { readonly maxClients: number },
): ClientRateLimits {
  const limits = new Map<string, RateLimit>();

  /** Evicts in order of insertion: those at the front of the Map have had the most time to refill. */
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
