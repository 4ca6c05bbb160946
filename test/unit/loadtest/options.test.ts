import { UsageError } from '../../../infra/local/command-line';
import { LOADTEST_HELP, parseLoadTestOptions, scriptEnvOf } from '../../../loadtest/run/options';
import { parseLoadConfig } from '../../../loadtest/src/config.ts';

const planOf = (...args: string[]) =>
  parseLoadConfig(scriptEnvOf(parseLoadTestOptions(args), ['http://localhost:1'], 1)).plan;

describe('the options of npm run loadtest', () => {
  it('are the standard run when none is given', () => {
    expect(planOf()).toEqual(parseLoadConfig({}).plan);
  });

  it('take an even way up', () => {
    const plan = planOf('--connections', '3000', '--ramp', '150s', '--hold', '100s', '--ramp-down', '20s');
    expect(plan).toMatchObject({
      connections: 3_000,
      holdFromMs: 150_000,
      holdToMs: 250_000,
      endMs: 270_000,
    });
  });

  it('are small with --quick, and other options override it', () => {
    expect(planOf('--quick')).toMatchObject({ connections: 500, endMs: 23_000 });
    expect(planOf('--quick', '--hold', '1m')).toMatchObject({ connections: 500, endMs: 68_000 });
  });

  it('know what each scenario needs', () => {
    for (const scenario of ['ramp', 'steady', 'storm', 'slow', 'rooms']) {
      expect(() => planOf('--scenario', scenario)).not.toThrow();
      expect(LOADTEST_HELP).toContain(`${scenario}: `);
    }
    expect(parseLoadTestOptions(['--scenario', 'rooms']).from).toBe('none');
  });

  it.each([['--from', '-1'], ['--from=-1']])('take a negative number after --from: %s %s', (...args) => {
    expect(parseLoadTestOptions(args).from).toBe('-1');
  });

  it('allow a stream that begins now to wait for the next tick', () => {
    const env = scriptEnvOf(parseLoadTestOptions(['--from', 'none', '--tick-ms', '5000']), ['http://a'], 1);
    expect(parseLoadConfig(env).limits.firstEventP95Ms).toBe(8_000);
  });

  it.each([
    [['--connections', '0'], '--connections'],
    [['--hold', 'long'], '--hold'],
    [['--scenario', 'soak'], '--scenario'],
    [['--from', 'then'], '--from'],
    [['--url', 'http://a:1', '--direct'], '--direct'],
    [['--url', 'http://a:1', '--scenario', 'storm'], '--scenario storm'],
    [['--gateways', '1', '--scenario', 'storm'], '--gateways 2'],
    [['--unknown'], '--unknown'],
  ])('refuse %j', (args, name) => {
    expect(() => parseLoadTestOptions(args)).toThrow(UsageError);
    expect(() => parseLoadTestOptions(args)).toThrow(name);
  });
});
