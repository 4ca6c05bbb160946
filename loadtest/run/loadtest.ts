import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInForeground } from '../../infra/local/foreground';
import { buildK6 } from '../../infra/local/k6';
import { repositoryRoot } from '../../infra/local/repository';
import { createRunLog } from '../../infra/local/run-log';
import { parseLoadConfig } from '../src/config.ts';
import {
  gatewaysFor,
  limitFaults,
  limitWarnings,
  maxStreamsFor,
  needsOwnAddresses,
  type Spread,
  shardsFor,
} from './limits';
import { exitCodeOf, startLoadRun } from './load-run';
import { readMachineLimits } from './machine-limits';
import { type LoadTestOptions, parseLoadTestOptions, scriptEnvOf } from './options';
import { type Report, renderReport } from './report';
import { localTarget, remoteTarget } from './target';
import { createUnstoredTicks } from './unstored-ticks';

const RESULTS = 'loadtest/results';
const LOOPBACK = /^https?:\/\/(127\.[\d.]+|localhost)[:/]?/;

/** `npm run loadtest` */
void runInForeground(async () => {
  const args = process.argv.slice(2);
  const options = parseLoadTestOptions(args);
  const print = (line: string): void => void process.stderr.write(`${line}\n`);
  const limits = readMachineLimits();
  const shards = options.shards ?? shardsFor(options.connections, limits);
  const gateways = options.gateways ?? gatewaysFor(options.connections + options.probe, limits);
  const spread = spreadOf(options, shards, gateways);
  // Report faults before anything is started.
  parseLoadConfig({
    ...process.env,
    ...scriptEnvOf(options, options.url?.split(',') ?? ['http://localhost'], shards),
  });
  const faults = limitFaults(spread, limits);
  if (faults.length > 0) throw new Error(`this machine's limits are too low:\n  ${faults.join('\n  ')}`);
  for (const warning of limitWarnings(spread, limits)) print(`warning: ${warning}`);

  const k6 = await buildK6(print);
  const runLog = createRunLog({
    parent: join(repositoryRoot(), '.cache/loadtest'),
    verbose: options.verbose,
    print,
  });
  const unstoredTicks = createUnstoredTicks(options.tickMs);
  const target =
    options.url === null
      ? await localTarget(options, gateways, maxStreamsFor(spread, limits), {
          log: print,
          onOutput(name, line) {
            runLog.write(name, line);
            if (name === 'ticker') unstoredTicks.hear(line);
          },
        })
      : remoteTarget(options.url);
  const run = startLoadRun({
    options,
    target,
    env: scriptEnvOf(options, target.urls, shards),
    shards,
    ownAddresses: process.platform === 'linux' && needsOwnAddresses(spread, limits),
    k6,
    command: `npm run loadtest -- ${args.join(' ')}`.trim(),
    neverStored: () => (options.url === null ? unstoredTicks.count() : null),
    directory: runLog.directory,
    print,
    onOutput: runLog.write,
  });
  return {
    done: run.done.then(async (report) => {
      await keep(report);
      return exitCodeOf(report);
    }),
    async close() {
      await run.close();
      await target.close();
      await runLog.close();
    },
  };
});

function spreadOf(
  { connections, direct, url, probe }: LoadTestOptions,
  shards: number,
  gateways: number,
): Spread {
  const urls = url?.split(',') ?? [];
  return {
    connections,
    shards,
    gateways: url === null ? gateways : 0,
    direct,
    targets: url === null ? (direct ? gateways : 1) : urls.length,
    isLocal: urls.every((one) => LOOPBACK.test(one.trim())),
    probe,
  };
}

/** Prints the report, and writes it as text and as JSON. */
async function keep(report: Report): Promise<void> {
  process.stdout.write(`\n${renderReport(report, process.stdout.isTTY)}`);
  await mkdir(join(repositoryRoot(), RESULTS), { recursive: true });
  const name = join(RESULTS, new Date().toISOString().replaceAll(/[:.]/g, '-'));
  const file = join(repositoryRoot(), name);
  await writeFile(`${file}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${file}.txt`, renderReport(report, false));
  process.stderr.write(`\nkept as ${name}.txt and .json\n`);
}
