import fc from 'fast-check';
import { runTrouble, type TroubleSeen, trouble } from '../support/model/run-trouble';

const RUNS = 2_000;

describe('resume and fan-out while topics are created again, records are lost and leaders do not answer', () => {
  it('gives each client everything else, and tells it of what is not what it was', async () => {
    const total: TroubleSeen = { resets: 0, truncations: 0, recreations: 0, outages: 0, reads: 0 };
    await fc.assert(
      fc.asyncProperty(trouble, async (one) => {
        const { faults, seen } = await runTrouble(one);
        for (const name of Object.keys(total) as (keyof TroubleSeen)[]) total[name] += seen[name];
        expect(faults).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // What hardly any run came across was not tested.
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(RUNS / 10);
  }, 300_000);
});
