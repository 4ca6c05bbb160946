import { resolve } from 'node:path';
import { startBroker } from './broker';
import { runInForeground } from './foreground';
import { KAFKA_VERSION } from './kafka-jars';
import { parseKafkaOptions } from './options';
import { describeExit } from './supervised-child';

/** `npm run kafka`: only the broker. */
void runInForeground(async (giveUp) => {
  const options = parseKafkaOptions(process.argv.slice(2));
  const print = (line: string): void => void process.stderr.write(`${line}\n`);
  let alive = options.brokers as number;
  const broker = await startBroker({
    count: options.brokers,
    port: options.port,
    log: print,
    onOutput: (line) => {
      if (options.verbose || /: (ERROR|FATAL) /.test(line)) print(line);
    },
    onCrash: (index, exit) => {
      print(`broker ${index + 1} died: ${describeExit(exit)}`);
      alive--;
      if (alive === 0) giveUp('no broker is left');
    },
    ...(options.dataDir === null ? {} : { dataDir: resolve(options.dataDir) }),
  });
  const bootstrap = broker.bootstrap.join(',');
  process.stdout.write(
    [
      `Apache Kafka ${KAFKA_VERSION} is ready on ${bootstrap}`,
      options.dataDir === null
        ? 'Its records are gone when it ends (--data DIR keeps them).'
        : `Its records are kept in ${resolve(options.dataDir)}.`,
      `Use it: KAFKA_BROKERS=${bootstrap} npm start`,
      'Ctrl-C stops it.',
      '',
    ].join('\n'),
  );
  return broker;
});
