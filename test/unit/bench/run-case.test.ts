import type { BenchCase, BenchContext } from '../../../bench/bench-case';
import { ratioTo } from '../../../bench/bench-case';
import { renderCase } from '../../../bench/report';
import { figureOf, runCase } from '../../../bench/run-case';

const lines: string[] = [];
const context = { print: (line: string) => lines.push(line) } as unknown as BenchContext;

/** A case whose figures are known: the gateway costs 2, 4, 6 µs, the floor always 2. */
function knownCase(asked: string[]): BenchCase {
  let round = 0;
  return {
    name: 'known',
    about: 'For this test.',
    subjects: ['gateway', 'floor', 'better-sse'],
    columns: [
      { name: 'cpuUs', title: 'CPU µs', digits: 1 },
      { name: 'floors', title: '× floor', digits: 2 },
    ],
    targets: [{ subject: 'gateway', figure: 'floors', atMost: 1.5 }],
    async measure(subject) {
      asked.push(subject);
      if (subject === 'better-sse') throw new Error('it fell over');
      if (subject === 'gateway') round++;
      return { cpuUs: subject === 'gateway' ? 2 * round : 2 };
    },
    compare: ratioTo('floor', 'cpuUs', 'floors'),
  };
}

describe('a case', () => {
  it('measures its subjects in turn, and compares within each round', async () => {
    const asked: string[] = [];
    const result = await runCase(knownCase(asked), { rounds: 3, servers: ['gateway', 'floor'], context });
    expect(asked).toEqual(['gateway', 'floor', 'gateway', 'floor', 'gateway', 'floor']);
    expect(figureOf(result, 'gateway', 'floors')).toEqual({ median: 2, min: 1, max: 3 });
    expect(renderCase(result)).toContain('| gateway | 4.0 (2.0–6.0) | 2.00 (1.00–3.00) |');
    expect(renderCase(result)).toContain('**missed**: gateway, × floor at most 1.5: 2.00');
  });

  it('continues when one subject fails, and reports it', async () => {
    const result = await runCase(knownCase([]), { rounds: 1, servers: ['better-sse', 'floor'], context });
    expect(figureOf(result, 'better-sse', 'cpuUs')).toBeNull();
    expect(figureOf(result, 'floor', 'cpuUs')?.median).toBe(2);
    expect(renderCase(result)).toContain('**failed:** known, round 1 of 1, better-sse: it fell over');
  });
});
