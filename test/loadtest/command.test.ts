import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { freePorts } from '../../infra/local/ports';
import { repositoryRoot } from '../../infra/local/repository';
import { type SupervisedChild, startChild } from '../../infra/local/supervised-child';
import { until } from '../support/until';

const RUN_LIMIT_MS = 240_000;
const STOP_DEADLINE_MS = 10_000;

const running = new Set<SupervisedChild>();

afterEach(async () => {
  await Promise.all(
    [...running].map((child) => child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS })),
  );
  running.clear();
});

/** The built command of `npm run loadtest`. */
function startLoadTest(args: readonly string[]): { readonly child: SupervisedChild; output(): string } {
  const lines: string[] = [];
  const child = startChild({
    name: 'loadtest',
    command: process.execPath,
    args: [join(repositoryRoot(), 'dist/loadtest/run/loadtest.js'), ...args],
    onLine: (line) => lines.push(line),
  });
  running.add(child);
  return { child, output: () => lines.join('\n') };
}

/** Ids of all processes below one. */
function descendantsOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-axo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    rows.filter(([, of]) => of === parent).flatMap(([child]) => [child!, ...below(child!)]);
  return below(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('npm run loadtest', () => {
  it(
    'passes through Kafka, three gateways and nginx, from two k6 processes',
    async () => {
      const { child, output } = startLoadTest([
        ...['--quick', '--connections', '300', '--hold', '8s', '--shards', '2', '--probe', '20'],
      ]);
      const { code } = await child.exited;
      expect(output()).not.toMatch(/FAIL/);
      expect(output()).toMatch(/pass {2}sse_connections +count>=285 +300$/m);
      expect(output()).toMatch(/pass {2}probe_gaps/);
      for (const part of ['gateway-3', 'nginx', 'broker', 'ticker', 'k6-1', 'k6-2', 'probe']) {
        expect(output()).toMatch(new RegExp(`^  ${part} +[1-9]`, 'm'));
      }
      expect(output()).toMatch(/^PASSED$/m);
      expect(code).toBe(0);
    },
    RUN_LIMIT_MS,
  );

  it(
    'fails where nothing listens, with exit code 99 and the reason',
    async () => {
      const [port] = await freePorts(1);
      const { child, output } = startLoadTest([
        ...['--url', `http://127.0.0.1:${port}`, '--connections', '50', '--probe', '10'],
        ...['--ramp', '1s', '--hold', '3s', '--ramp-down', '500ms'],
      ]);
      const { code } = await child.exited;
      expect(output()).toMatch(/FAIL {2}sse_connections/);
      expect(output()).toMatch(/FAIL {2}probe_streams +count==10 +0$/m);
      expect(output()).toMatch(/^FAILED$/m);
      expect(output()).toMatch(/× connect: nothing listens at URL/);
      expect(code).toBe(99);
    },
    RUN_LIMIT_MS,
  );

  it(
    'ends everything at Ctrl-C, and does not count as passed',
    async () => {
      const { child, output } = startLoadTest(['--quick', '--connections', '100', '--hold', '5m']);
      await until(() => /^hold, /m.test(output()), 'the hold has begun', RUN_LIMIT_MS);
      const below = descendantsOf(child.pid);
      expect(below.length).toBeGreaterThan(8);
      child.signal('SIGINT');
      const { code } = await child.exited;
      expect(code).toBe(130);
      await until(() => !below.some(isAlive), 'every process has ended', STOP_DEADLINE_MS);
    },
    RUN_LIMIT_MS,
  );

  it('says how it is used', async () => {
    const { child, output } = startLoadTest(['--help']);
    expect((await child.exited).code).toBe(0);
    expect(output()).toContain('--connections N');
    const wrong = startLoadTest(['--connections', 'all']);
    expect((await wrong.child.exited).code).toBe(2);
    expect(wrong.output()).toContain('--connections must be');
  });
});
