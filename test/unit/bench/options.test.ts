import { ALL_CASES } from '../../../bench/cases/all-cases';
import { parseBenchOptions } from '../../../bench/options';

const parse = (...args: string[]) => parseBenchOptions(args, ALL_CASES);

describe('options of npm run bench', () => {
  it('runs every case but the long one by default', () => {
    const names = parse().cases.map(({ name }) => name);
    expect(names).toEqual(ALL_CASES.map(({ name }) => name).filter((name) => name !== 'churn'));
  });

  it('runs the cases that are asked for', () => {
    expect(parse('--case', 'churn,memory').cases.map(({ name }) => name)).toEqual(['memory', 'churn']);
  });

  it('names every fault at once', () => {
    expect(() =>
      parse('--case', 'speed', '--servers', 'nchan', '--rounds', '0', '--scale', '2', '--through', 'nats'),
    ).toThrow(/case speed\n.*server nchan\n.*--through.*nats\n.*--rounds.*\n.*--scale/s);
  });

  it('measures another checkout only with --baseline', () => {
    expect(parse()).toMatchObject({ baseline: null, servers: null });
    expect(parse('--baseline', '../before').baseline).toBe('../before');
    expect(() => parse('--servers', 'gateway,baseline')).toThrow(/baseline needs --baseline DIR/);
  });

  it.each(ALL_CASES)('$name is in the help', ({ name }) => {
    expect(() => parse('--help')).toThrow(`  ${name} `);
  });

  it.each(ALL_CASES)(
    '$name has targets for subjects and figures of its own',
    ({ subjects, columns, targets }) => {
      for (const { subject, figure } of targets) {
        expect(subjects).toContain(subject);
        expect(columns.map(({ name }) => name)).toContain(figure);
      }
    },
  );
});
