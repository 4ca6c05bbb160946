import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TIERS, type Tier } from './tiers';

/**
 * Runs the tests tier by tier, cheap ones first, and ends with one line: `N passed, N failed, N skipped`.
 * A tier whose tools are missing is skipped and says so; with CI set that is a failure, unless the tier is optional.
 */

const USAGE = `Usage: npm test [-- [--long | --all] [tier …]]

Tiers, in order: ${TIERS.map(({ name, long }) => (long ? `${name} (long)` : name)).join(', ')}
  (nothing)  all but the long ones
  --long     only the long ones
  --all      all of them
  tier …     only these
`;

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

function run(command: readonly string[], env: NodeJS.ProcessEnv = process.env): boolean {
  const [name, ...args] = command;
  // npm's own PATH has the project's tools; a run by hand gets them too.
  const path = `${join(process.cwd(), 'node_modules/.bin')}:${env.PATH ?? ''}`;
  const { status, error } = spawnSync(name!, args, { stdio: 'inherit', env: { ...env, PATH: path } });
  if (error !== undefined) process.stderr.write(`${name}: ${error.message}\n`);
  return status === 0;
}

function runJest({ project, files }: NonNullable<Tier['jest']>): Tally {
  const dir = mkdtempSync(join(tmpdir(), 'jest-'));
  const outputFile = join(dir, 'result.json');
  try {
    const pattern = files === undefined ? [] : ['--testPathPatterns', files];
    const ok = run(['jest', '--selectProjects', project, ...pattern, '--json', '--outputFile', outputFile]);
    const result = JSON.parse(readFileSync(outputFile, 'utf8')) as Record<string, number>;
    const failed = (result.numFailedTests ?? 0) + (result.numRuntimeErrorTestSuites ?? 0);
    return {
      passed: result.numPassedTests ?? 0,
      // jest can fail without a failed test, such as when no test was found.
      failed: failed === 0 && !ok ? 1 : failed,
      skipped: (result.numPendingTests ?? 0) + (result.numTodoTests ?? 0),
    };
  } catch (error) {
    process.stderr.write(`${project}: jest left no result: ${String(error)}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function runTier(tier: Tier): Tally {
  const missing = tier.missing?.() ?? null;
  if (missing !== null) {
    process.stdout.write(`\n*** ${tier.name} SKIPPED: ${missing}\n`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  process.stdout.write(`\n=== ${tier.name}\n`);
  if (tier.jest !== undefined) return runJest(tier.jest);
  const ok = run(tier.command!);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

function chosen(args: readonly string[]): Tier[] | null {
  const names = args.filter((arg) => !arg.startsWith('--'));
  const options = args.filter((arg) => arg.startsWith('--'));
  if (options.some((option) => option !== '--long' && option !== '--all')) return null;
  if (names.some((name) => !TIERS.some((tier) => tier.name === name))) return null;
  if (names.length > 0) return TIERS.filter(({ name }) => names.includes(name));
  if (options.includes('--all')) return [...TIERS];
  return TIERS.filter(({ long }) => (long === true) === options.includes('--long'));
}

function main(): void {
  const tiers = chosen(process.argv.slice(2));
  if (tiers === null) {
    process.stderr.write(USAGE);
    process.exitCode = process.argv.includes('--help') ? 0 : 2;
    return;
  }
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  const notRun: Tier[] = [];
  for (const tier of tiers) {
    const startMs = performance.now();
    const tally = runTier(tier);
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    lines.push(
      `${tier.name.padEnd(16)} ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped in ${seconds} s`,
    );
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
    if (tally.skipped > 0) notRun.push(tier);
  }
  process.stdout.write(`\n${lines.map((line) => `  ${line}\n`).join('')}`);
  const inCi = (process.env.CI ?? '') !== '';
  const isFault = inCi && notRun.some(({ optional }) => optional !== true);
  if (isFault) process.stdout.write('\nA skipped tier is a failure in CI.\n');
  for (const { name, optional } of notRun) {
    if (optional === true) process.stdout.write(`\n*** ${name} did not run here, or not all of it.\n`);
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  process.exitCode = total.failed > 0 || isFault ? 1 : 0;
}

main();
