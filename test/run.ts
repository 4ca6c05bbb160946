import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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

/** The tiers that are asked for. @throws Error when the command line names none that there is */
function chosenTiers({
  long,
  all,
  names,
}: {
  long: boolean;
  all: boolean;
  names: readonly string[];
}): Tier[] {
  const unknown = names.filter((name) => !TIERS.some((tier) => tier.name === name));
  if (unknown.length > 0) throw new Error(`there is no tier ${unknown.join(', ')}`);
  if (names.length > 0) return TIERS.filter(({ name }) => names.includes(name));
  return all ? [...TIERS] : TIERS.filter((tier) => (tier.long === true) === long);
}

/** Null when the command line asks for help. @throws Error when it is wrong */
function parseArguments(args: readonly string[]): Tier[] | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      long: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  return values.help ? null : chosenTiers({ ...values, names: positionals });
}

function main(): void {
  let tiers: Tier[] | null;
  try {
    tiers = parseArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (tiers === null) {
    process.stdout.write(USAGE);
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
