import fc from 'fast-check';
import { runTrouble, type TroubleSeen, trouble } from '../support/model/run-trouble';

const RUNS = 2_000;

describe('resume and fan-out with recreated topics, truncated partitions and unreachable leaders', () => {
  it('delivers every record that is left, and resets each client whose topic changed', async () => {
    const total: TroubleSeen = {
      resets: 0,
      truncations: 0,
      recreations: 0,
      outages: 0,
      widened: 0,
      reads: 0,
    };
    await fc.assert(
      fc.asyncProperty(trouble, async (one) => {
        const { faults, seen } = await runTrouble(one);
        for (const name of Object.keys(total) as (keyof TroubleSeen)[]) total[name] += seen[name];
        expect(faults).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // Rare means untested.
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(RUNS / 10);
  }, 300_000);
});
