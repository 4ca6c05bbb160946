import { createClientRateLimits, createRateLimit } from '../../../src/http/rate-limit';

describe('createRateLimit', () => {
  it('lets a burst through at once, then the rate', () => {
    const limit = createRateLimit({ perSecond: 10, burstMs: 500 });
    for (let i = 0; i < 5; i++) {
      expect(limit.waitMs(1_000)).toBe(0);
      limit.take(1, 1_000);
    }
    expect(limit.waitMs(1_000)).toBeCloseTo(100);
    expect(limit.waitMs(1_050)).toBeCloseTo(50);
    expect(limit.waitMs(1_100)).toBe(0);
  });

  it('saves up no more than the burst', () => {
    const limit = createRateLimit({ perSecond: 10, burstMs: 200 });
    limit.take(2, 0);
    limit.take(2, 1e9);
    expect(limit.waitMs(1e9)).toBeGreaterThan(0);
  });

  it('has a burst of at least one', () => {
    const limit = createRateLimit({ perSecond: 1, burstMs: 1 });
    expect(limit.waitMs(0)).toBe(0);
    limit.take(1, 0);
    expect(limit.waitMs(0)).toBeCloseTo(1_000);
  });

  it('waits for a debt', () => {
    const limit = createRateLimit({ perSecond: 10, burstMs: 1_000 });
    limit.take(30, 0);
    expect(limit.waitMs(0)).toBeCloseTo(2_100);
    expect(limit.waitMs(2_200)).toBe(0);
  });

  it('is not confused by a time before the last one', () => {
    const limit = createRateLimit({ perSecond: 10, burstMs: 100 });
    limit.take(1, 1_000);
    limit.take(1, 500);
    expect(limit.waitMs(1_000)).toBeCloseTo(200);
  });
});

describe('createClientRateLimits', () => {
  it('limits each client for itself', () => {
    const clients = createClientRateLimits({ perSecond: 1, burstMs: 1_000, maxClients: 10 });
    clients.of('a', 0).take(1, 0);
    expect(clients.of('a', 0).waitMs(0)).toBeGreaterThan(0);
    expect(clients.of('b', 0).waitMs(0)).toBe(0);
  });

  it('remembers no more than its maximum, and forgets those first who have used nothing', () => {
    const clients = createClientRateLimits({ perSecond: 1, burstMs: 1_000, maxClients: 3 });
    clients.of('rested', 0).take(1, 0);
    clients.of('busy', 1_900).take(1, 1_900);
    clients.of('third', 1_900).take(1, 1_900);
    clients.of('new', 2_000).take(1, 2_000);
    expect(clients.size).toBe(3);
    expect(clients.of('busy', 2_000).waitMs(2_000)).toBeGreaterThan(0);
    for (let i = 0; i < 100; i++) clients.of(`flood ${i}`, 2_000).take(1, 2_000);
    expect(clients.size).toBe(3);
  });
});
