#!/usr/bin/env node
import { type Config, ConfigError, parseConfig } from './config';
import { createTopicMap } from './events/topic-map';
import { createEventLog, createGateway, createRegistry, createServedTopics } from './gateway';
import { createLogger, type Logger } from './logger';
import { startAggregator } from './roles/aggregator';
import { check } from './roles/check';
import { startTicker } from './roles/ticker';
import { packageVersion } from './version';

/** The entry point: the only file that reads the command line and the environment, handles signals and exits. */

const USAGE = `Usage: kafka-sse-gateway [command] | --help | --version

Commands:
  serve      run the gateway (default): Kafka in, Server-Sent Events out
  tick       publish a timestamp event to Kafka every TICK_MS
  check      look at the configuration, the brokers, the topics and their newest records; change nothing
  aggregate  publish statistics of the topics' events to KAFKA_SUMMARY_TOPIC

Settings are environment variables; docs/settings.md lists them, for example PORT=8000 kafka-sse-gateway. The first three:
  PORT           HTTP port (3000)
  KAFKA_BROKERS  host:port,… (unset: a memory log with a built-in ticker, for trying it out)
  KAFKA_TOPICS   topics to serve (events-topic)
`;

const EXIT_BAD_USAGE = 2;
/** Of `check`. */
const EXIT_FAULTY = 2;

const ignore = (): void => undefined;
const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

interface Running {
  stop(): Promise<void>;
}

async function serve(config: Config, logger: Logger): Promise<Running> {
  const gateway = createGateway(config, logger);
  try {
    const port = await gateway.start();
    logger.info({ port, host: config.http.host, eventLog: config.eventLog }, 'Listening');
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  return gateway;
}

async function tick(config: Config, logger: Logger): Promise<Running> {
  const log = createEventLog(config, logger);
  const ticker = startTicker({ log, topics: createTopicMap(config.topics), config: config.ticker, logger });
  logger.info({ intervalMs: config.ticker.intervalMs }, 'Ticker started');
  return {
    async stop() {
      ticker.stop();
      await log.close(config.shutdown.finishMs);
    },
  };
}

async function aggregate(config: Config, logger: Logger): Promise<Running> {
  const topics = aggregatedTopics(config);
  const log = createEventLog(config, logger, [...topics, config.summaryTopic]);
  const aggregator = startAggregator({ log, topics, config, logger });
  return {
    async stop() {
      await aggregator.stop();
      await log.close(config.shutdown.finishMs);
    },
  };
}

/** Summaries are not aggregated again. */
function aggregatedTopics({ topics, summaryTopic }: Config): string[] {
  return topics.map(({ name }) => name).filter((name) => name !== summaryTopic);
}

/** Exits with 2 when something is wrong. */
async function runCheck(config: Config): Promise<void> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const kafka = { ...config.kafka, createTopics: { ...config.kafka.createTopics, names: [] } };
  // What goes wrong is in the report.
  const log = createEventLog({ ...config, kafka }, SILENT);
  const registry = createRegistry(config, SILENT);
  try {
    const topics = createServedTopics(config, registry);
    const faults = await check({ log, topics, registry, config, print });
    print('');
    print(
      faults === 0 ? 'all is well' : `${faults} ${faults === 1 ? 'fault' : 'faults'}, in the lines with !`,
    );
    if (faults > 0) process.exitCode = EXIT_FAULTY;
  } finally {
    registry?.close();
    await log.close(config.shutdown.finishMs);
  }
}

const COMMANDS = { serve, tick, aggregate };

function isCommand(word: string): word is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, word);
}

function usageFault(command: string, rest: readonly string[]): string {
  const odd = [command, ...rest].find((word) => !isCommand(word));
  if (odd?.startsWith('-')) return `unknown option ${odd}: settings are environment variables`;
  if (odd !== undefined && odd === command) return `unknown command ${odd}`;
  return `${command} takes no arguments, but got ${rest.join(' ')}`;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(USAGE);
    return;
  }
  if (args.length === 1 && args[0] === '--version') {
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  const [command = 'serve', ...rest] = args;
  const isCheck = command === 'check';
  if ((!isCheck && !isCommand(command)) || rest.length > 0) {
    process.stderr.write(`kafka-sse-gateway: ${usageFault(command, rest)}\n\n${USAGE}`);
    process.exitCode = EXIT_BAD_USAGE;
    return;
  }
  const config = parseConfig(process.env);
  if (isCheck) {
    await runCheck(config);
    return;
  }
  if (command === 'tick' && (config.eventLog !== 'kafka' || config.ticker.intervalMs === 0)) {
    throw new ConfigError(['KAFKA_BROKERS must be set and TICK_MS above 0 for the command tick']);
  }
  if (command === 'aggregate' && (config.eventLog !== 'kafka' || aggregatedTopics(config).length === 0)) {
    throw new ConfigError([
      'KAFKA_BROKERS must be set and KAFKA_TOPICS must name a topic besides KAFKA_SUMMARY_TOPIC for the command aggregate',
    ]);
  }
  const logger = createLogger({
    level: config.logLevel,
    format: logFormatOf(config),
    secrets: config.secrets,
  });
  const starting = COMMANDS[command](config, logger);
  // Before the start completes: a signal may come after the first log line.
  stopAtSignal(starting, logger);
  await starting;
}

function logFormatOf({ logFormat }: Config): 'json' | 'text' {
  if (logFormat !== 'auto') return logFormat;
  return process.stdout.isTTY ? 'text' : 'json';
}

function stopAtSignal(starting: Promise<Running>, logger: Logger): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // Without handlers, a second signal of either kind ends the process at once.
      process.removeAllListeners('SIGTERM').removeAllListeners('SIGINT');
      logger.info({ signal }, 'Shutting down; send the signal again to exit at once');
      starting
        .then((running) => running.stop())
        .then(
          () => {
            logger.info({}, 'Stopped');
            process.exit(0);
          },
          (error) => {
            logger.error({ err: error }, 'Shutdown failed');
            process.exit(1);
          },
        );
    });
  }
}

/** Why the process exits, with advice if there is any. */
function explanation(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'listen' || syscall === 'getaddrinfo')
    return `${error.message}; choose another address with PORT or HOST`;
  return error.message;
}

main().catch((error: unknown) => {
  process.stderr.write(`kafka-sse-gateway: ${explanation(error)}\n`);
  process.exit(error instanceof ConfigError ? EXIT_BAD_USAGE : 1);
});
