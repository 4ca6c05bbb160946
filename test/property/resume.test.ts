import fc from 'fast-check';
import { interleaving } from '../support/model/interleaving';
import { run, type Seen } from '../support/model/run';

const RUNS = 3_000;

describe('resume and fan-out against a plain array', () => {
  it('gives each client its subscription’s records from its start, in order, each once, every hole told', async () => {
    const total: Seen = { deliveries: 0, reconnects: 0, reads: 0, holds: 0, told: 0 };
    await fc.assert(
      fc.asyncProperty(interleaving, async (one) => {
        const { faults, seen } = await run(one);
        for (const name of Object.keys(total) as (keyof Seen)[]) total[name] += seen[name];
        expect(faults).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // What hardly any run came across was not tested.
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(RUNS / 10);
  }, 300_000);
});
