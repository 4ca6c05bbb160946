import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { createBucketCounts } from '../../../src/status/histograms';

const NAME = 'test_seconds';
const HELP = 'what is tested';

async function asPromClient(buckets: readonly number[], values: readonly number[]): Promise<string> {
  const registry = new Registry();
  const histogram = new Histogram({ name: NAME, help: HELP, buckets: [...buckets], registers: [registry] });
  for (const value of values) histogram.observe(value);
  return registry.metrics();
}

describe('a histogram', () => {
  it('is rendered like prom-client’s, bounds included', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.double({ min: 0.0001, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.oneof(fc.double({ min: 0, max: 20_000, noNaN: true }), fc.nat(11)), { maxLength: 50 }),
        async (bounds, picks) => {
          const buckets = bounds.sort((a, b) => a - b);
          // Whole numbers pick a bound itself.
          const values = picks.map((pick) => (Number.isInteger(pick) ? (buckets[pick] ?? pick) : pick));
          const counts = createBucketCounts(NAME, HELP, buckets);
          for (const value of values) counts.observe(value);
          expect(counts.render()).toBe(await asPromClient(buckets, values));
        },
      ),
    ));
});
