import fc from 'fast-check';
import { interleaving } from '../support/model/interleaving';
import { run, type Seen } from '../support/model/run';

const RUNS = 3_000;

describe('resume and fan-out, compared with a plain array', () => {
  it('delivers each subscribed record once and in order, and reports every gap', async () => {
    const total: Seen = { deliveries: 0, reconnects: 0, reads: 0, holds: 0, told: 0 };
    await fc.assert(
      fc.asyncProperty(interleaving, async (one) => {
        const { faults, seen } = await run(one);
        for (const name of Object.keys(total) as (keyof Seen)[]) total[name] += seen[name];
        expect(faults).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // Rare means untested.
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(RUNS / 10);
  }, 300_000);
});
