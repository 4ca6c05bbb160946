import { join } from 'node:path';
import { runInForeground } from './foreground';
import { parseStackOptions } from './options';
import { repositoryRoot } from './repository';
import { createRunLog } from './run-log';
import { type Stack, startStack } from './start-stack';

/** `npm run stack`: everything on this machine. */
void runInForeground(async () => {
  const options = parseStackOptions(process.argv.slice(2));
  const print = (line: string): void => void process.stderr.write(`${line}\n`);
  const runLog = createRunLog({
    parent: join(repositoryRoot(), '.cache/stack'),
    verbose: options.verbose,
    print,
  });
  const { kafka, verbose: _, ...rest } = options;
  const stack = await startStack({
    ...rest,
    ...(kafka === null ? {} : { kafka }),
    log: print,
    onOutput: runLog.write,
  });
  process.stdout.write(welcome(stack, runLog.directory));
  return {
    async close() {
      await stack.close();
      await runLog.close();
    },
  };
});

function welcome(stack: Stack, logDirectory: string): string {
  const url = stack.url.replace('127.0.0.1', 'localhost');
  const sums = stack.aggregators.length > 0;
  return `
The stack is ready.

  nginx     ${url}
  gateways  ${stack.gateways.map((gateway) => gateway.url).join('  ')}
  Kafka     ${stack.kafka.join(',')}
  ${stack.registry === null ? '' : `registry  ${stack.registry.url}\n  `}logs      ${logDirectory}

Listen to everything, to one channel,${sums ? ' to the sums over ten events,' : ''} and send:

  curl -N ${url}/events
  curl -N ${url}/subscribe/pets${sums ? `\n  curl -N ${url}/subscribe/summary` : ''}
  curl -d hello ${url}/broadcast/pets/dogs

Ctrl-C stops all of it.
`;
}
