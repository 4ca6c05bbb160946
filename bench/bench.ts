import { join } from 'node:path';
import { type Broker, startBroker } from '../infra/local/broker';
import { runInForeground } from '../infra/local/foreground';
import { missingForKafka } from '../infra/local/kafka-jars';
import { repositoryRoot } from '../infra/local/repository';
import { createBenchContext } from './bench-context';
import { ALL_CASES } from './cases/all-cases';
import { missingForNative } from './native-program';
import { type BenchOptions, parseBenchOptions } from './options';
import { describeMachine, keepReport, renderCase } from './report';
import { type CaseResult, runCase } from './run-case';
import { installPeers } from './servers/peer';
import { SERVER_NAMES } from './servers/server';

/** Servers without dependencies to install. */
const OWN_SERVERS: readonly string[] = ['gateway', 'baseline', 'floor'];

const print = (line: string): void => void process.stderr.write(`${line}\n`);

/** `npm run bench`. Its child processes end with it: see startChild. */
async function main(args: readonly string[]): Promise<boolean> {
  const options = parseBenchOptions(args, ALL_CASES);
  const missing = missingForNative();
  if (missing !== null) throw new Error(`the benchmark cannot run here: ${missing}`);
  const machine = describeMachine(options.node, args);
  const servers = availableServers(options);

  let broker: Broker | null = null;
  try {
    if (options.through === 'kafka' || options.cases.some(({ needsKafka }) => needsKafka)) {
      const fault = missingForKafka();
      if (fault !== null) throw new Error(fault);
      broker = await startBroker({ log: print });
    }
    const results: CaseResult[] = [];
    for (const benchCase of options.cases) {
      const ownBroker = options.through === 'kafka' || benchCase.needsKafka ? broker : null;
      const context = createBenchContext({ ...options, broker: ownBroker, print });
      const result = await runCase(benchCase, { rounds: options.rounds, servers, context });
      process.stdout.write(`\n${renderCase(result)}\n`);
      results.push(result);
    }
    const file = keepReport(join(repositoryRoot(), 'bench/results'), machine, results);
    print(`kept in ${file}`);
    return results.every(({ faults }) => faults.length === 0);
  } finally {
    await broker?.close();
  }
}

/** The requested servers without the peers that cannot run, which is printed. */
function availableServers({ servers, baseline, through }: BenchOptions): readonly string[] {
  const wanted = servers ?? SERVER_NAMES.filter((name) => name !== 'baseline' || baseline !== null);
  const peers = wanted.filter((name) => !OWN_SERVERS.includes(name));
  const without = (why: string): readonly string[] => {
    print(`*** ${peers.join(' and ')} SKIPPED: ${why}`);
    return wanted.filter((name) => !peers.includes(name));
  };
  if (peers.length === 0) return wanted;
  if (through === 'kafka') return without('they do not read Kafka');
  const fault = installPeers();
  return fault === null ? wanted : without(fault);
}

void runInForeground(async () => {
  const ok = await main(process.argv.slice(2));
  process.exit(ok ? 0 : 1);
});
