import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Target } from './bench-case';
import { type CaseResult, figureOf } from './run-case';
import type { Spread } from './statistics';

/** The machine of the figures, which mean nothing without it. */
export interface Machine {
  readonly cpu: string;
  readonly memoryGib: number;
  readonly kernel: string;
  /** Of the servers. */
  readonly node: string;
  readonly commit: string;
  /** Of the minute before the run (getloadavg(3)): above a few tenths the machine was not quiet. */
  readonly loadAverage: number;
  readonly startedAt: string;
  readonly command: string;
}

const GIB = 1 << 30;

export function describeMachine(node: string, args: readonly string[]): Machine {
  const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();
  const isDirty = git('status', '--porcelain', '--untracked-files=no') !== '';
  return {
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGib: Math.round(totalmem() / GIB),
    kernel: release(),
    node: nodeVersion(node),
    commit: git('rev-parse', '--short', 'HEAD') + (isDirty ? '-dirty' : ''),
    loadAverage: loadavg()[0]!,
    startedAt: new Date().toISOString(),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
}

function nodeVersion(node: string): string {
  try {
    return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  } catch (cause) {
    throw new Error(`${node} does not run: give --node the path of a Node`, { cause });
  }
}

/** The whole report as Markdown. */
export function renderReport(machine: Machine, results: readonly CaseResult[]): string {
  const head =
    `# Fan-out benchmark, ${machine.startedAt.slice(0, 10)}\n\n` +
    `\`${machine.command}\` at ${machine.commit}, Node ${machine.node}, ${machine.cpu}, ${machine.memoryGib} GiB, ` +
    `Linux ${machine.kernel}, load average before ${machine.loadAverage.toFixed(2)}. Medians of the rounds (lowest–highest).\n`;
  return [head, ...results.map(renderCase)].join('\n');
}

/** One case: its table and its targets. */
export function renderCase(result: CaseResult): string {
  const { benchCase, rounds, faults } = result;
  const columns = benchCase.columns.filter(({ name }) =>
    [...rounds.keys()].some((subject) => figureOf(result, subject, name) !== null),
  );
  const rows = [...rounds.keys()].map((subject) => {
    const cells = columns.map(({ name, digits }) => renderSpread(figureOf(result, subject, name), digits));
    return `| ${[subject, ...cells].join(' | ')} |`;
  });
  const lines = [
    `## ${benchCase.name}`,
    '',
    benchCase.about,
    '',
    `| ${['', ...columns.map(({ title }) => title)].join(' | ')} |`,
    `|---|${'---:|'.repeat(columns.length)}`,
    ...rows,
    '',
    ...benchCase.targets.flatMap((target) => renderTarget(result, target) ?? []),
    ...faults.map((fault) => `- **failed:** ${fault}`),
  ];
  return `${lines.join('\n')}\n`;
}

function renderSpread(spread: Spread | null, digits: number): string {
  if (spread === null) return '–';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => value.toFixed(digits));
  return min === max ? median! : `${median} (${min}–${max})`;
}

function renderTarget(result: CaseResult, { subject, figure, atMost, atLeast }: Target): string | null {
  const spread = figureOf(result, subject, figure);
  const column = result.benchCase.columns.find(({ name }) => name === figure);
  if (spread === null || column === undefined) return null;
  const isMet = spread.median <= (atMost ?? Infinity) && spread.median >= (atLeast ?? -Infinity);
  const bound = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  return `- ${isMet ? 'met' : '**missed**'}: ${subject}, ${column.title} ${bound}: ${spread.median.toFixed(column.digits)}`;
}

/** Writes the results as JSON and Markdown. Returns the path of the Markdown file. */
export function keepReport(directory: string, machine: Machine, results: readonly CaseResult[]): string {
  mkdirSync(directory, { recursive: true });
  const name = `${machine.startedAt.slice(0, 19).replaceAll(':', '')}-${machine.commit}`;
  const cases = results.map(({ benchCase, rounds, faults }) => ({
    name: benchCase.name,
    about: benchCase.about,
    rounds: Object.fromEntries(rounds),
    faults,
  }));
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify({ machine, cases }, null, 2)}\n`);
  const file = join(directory, `${name}.md`);
  writeFileSync(file, renderReport(machine, results));
  return file;
}
