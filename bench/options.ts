import { parseCommandLine, refuseFaults, type Values } from '../infra/local/command-line';
import type { BenchCase } from './bench-case';
import { SERVER_NAMES } from './servers/server';

export interface BenchOptions {
  readonly cases: readonly BenchCase[];
  /** Null: all servers of a case. */
  readonly servers: readonly string[] | null;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly churnMinutes: number;
  readonly through: 'memory' | 'kafka';
  readonly node: string;
  /** Another built checkout of this project, measured as the server `baseline`; null: none. */
  readonly baseline: string | null;
  /** Share of each case's streams, above 0 and at most 1. */
  readonly scale: number;
}

function help(cases: readonly BenchCase[]): string {
  const width = Math.max(...cases.map(({ name }) => name.length));
  return `Usage: npm run bench -- [options]

Runs this gateway, npm peers and the physical floor side by side on this machine, in turn, round by round, and prints
medians and their spread as Markdown. Keeps the results in bench/results/. Needs Linux and a C compiler; with Kafka
also Java and Maven.

  --case NAME,…            which cases (all but churn)
  --servers NAME,…         which servers: ${SERVER_NAMES.join(', ')} (all)
  --rounds N               rounds of each case (3)
  --seconds N              length of a window (10)
  --warmup N               seconds before a window (3)
  --through memory|kafka   how events reach the gateway: posted to POST /events, or through a real broker (memory)
  --node PATH              Node for the servers (this one)
  --baseline DIR           another built checkout of this project: its gateway is measured as the server \`baseline\`
  --scale SHARE            share of each case's streams, for a quick look (1)
  --churn-minutes N        length of the case churn (10)
  --help                   this text

Cases:
${cases.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n')}`;
}

/** Cases that take minutes run only on request. */
const NOT_BY_DEFAULT = ['churn'];

/** @throws UsageError */
export function parseBenchOptions(args: readonly string[], known: readonly BenchCase[]): BenchOptions {
  const text = help(known);
  const values = parseCommandLine(args, text, {
    case: { type: 'string' },
    servers: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '3' },
    through: { type: 'string', default: 'memory' },
    node: { type: 'string' },
    baseline: { type: 'string' },
    scale: { type: 'string', default: '1' },
    'churn-minutes': { type: 'string', default: '10' },
  });
  const faults: string[] = [];
  const number = (name: string, least: number, most: number): number => {
    const found = Number(values[name]);
    if (!(found >= least && found <= most))
      faults.push(`--${name} must be from ${least} to ${most}, not ${values[name]}`);
    return found;
  };
  const names =
    listOf(values.case) ?? known.map(({ name }) => name).filter((n) => !NOT_BY_DEFAULT.includes(n));
  for (const name of names)
    if (!known.some((each) => each.name === name)) faults.push(`unknown case ${name}`);
  const servers = listOf(values.servers);
  for (const name of servers ?? [])
    if (!SERVER_NAMES.some((each) => each === name)) faults.push(`unknown server ${name}`);
  if (servers?.includes('baseline') && values.baseline === undefined)
    faults.push('the server baseline needs --baseline DIR');
  if (values.through !== 'memory' && values.through !== 'kafka')
    faults.push(`--through must be memory or kafka, not ${values.through}`);
  const options: BenchOptions = {
    cases: known.filter(({ name }) => names.includes(name)),
    servers,
    rounds: number('rounds', 1, 1_000),
    seconds: number('seconds', 1, 3_600),
    warmupSeconds: number('warmup', 0, 3_600),
    churnMinutes: number('churn-minutes', 0.1, 10_000),
    through: values.through === 'kafka' ? 'kafka' : 'memory',
    node: values.node === undefined ? process.execPath : String(values.node),
    baseline: values.baseline === undefined ? null : String(values.baseline),
    scale: number('scale', 0.001, 1),
  };
  refuseFaults(faults, text);
  return options;
}

function listOf(value: Values[string]): readonly string[] | null {
  return value === undefined ? null : String(value).split(',');
}
