import { setTimeout as sleep } from 'node:timers/promises';
import { type Broker, startBroker } from './broker';
import { missingForKafka } from './kafka-jars';
import { missingForNginx, type Nginx, startNginx } from './nginx';
import { assertPortFree, freePorts } from './ports';
import { createProgram, mainFile, type Program, readyFault } from './program';
import { missingForRegistry, type Registry, startRegistry } from './registry';
import { describeExit } from './supervised-child';

export interface StartStackOptions {
  /** Default 3. */
  readonly gateways?: number;
  /** Kafka brokers to start, default 1. */
  readonly brokers?: 1 | 3;
  /** Port of nginx; 0 (default): a free one. */
  readonly port?: number;
  /** Port of the first gateway, the others follow; 0 (default): free ones. */
  readonly gatewayPort?: number;
  /** `host:port` list of brokers that run already; default: start one. */
  readonly kafka?: readonly string[];
  /** Start a schema registry as well; default false. */
  readonly registry?: boolean;
  /** Interval of timestamp events, default 1000; null: no ticker. */
  readonly tickMs?: number | null;
  /**
   * Default 1; 0: the gateways do not serve the summary topic either. With it there are at least two partitions, and the
   * answer to `POST /broadcast` has no event id.
   */
  readonly aggregators?: number;
  /** Streams that nginx must be able to hold, default 50,000. */
  readonly streams?: number;
  /** Restart a gateway, ticker or aggregator that dies; default: only report it. */
  readonly restart?: boolean;
  /** Settings of the gateways, the ticker and the aggregators, over those of this process and of the stack. */
  readonly env?: Readonly<Record<string, string>>;
  /** Progress and deaths, a few lines for people; default: none. */
  readonly log?: (line: string) => void;
  /** Each line of each process; `name` is `kafka`, `gateway-1`, `ticker`, `aggregator`, `nginx`. Default: none. */
  readonly onOutput?: (name: string, line: string) => void;
}

export interface StackGateway extends Program {
  /** Of this gateway alone, around nginx. */
  readonly url: string;
}

export interface Stack {
  /** Of nginx. */
  readonly url: string;
  /** `host:port` of the brokers. */
  readonly kafka: readonly string[];
  /** Null without one. */
  readonly registry: Registry | null;
  readonly gateways: readonly StackGateway[];
  /** Null when the stack did not start the brokers. */
  readonly broker: Broker | null;
  /** Null without one. */
  readonly ticker: Program | null;
  readonly aggregators: readonly Program[];
  readonly nginx: Nginx;
  /** Ends everything, last started first. May be called more than once. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const TOPICS = 'events-topic';
const TOPICS_WITH_SUMMARIES = `${TOPICS},events-summary-table=/summary`;
const NGINX_READY_MS = 15_000;
const NGINX_PAUSE_MS = 100;
/** No drain when a stack ends: nginx has closed the streams. */
const DRAIN_MS = 1_000;

const discard = (): void => undefined;

/**
 * Starts Kafka, gateways, ticker, aggregators and nginx in this order, each when the one before is ready.
 *
 * @throws Error when something is missing, a port is taken or a process does not get ready; what was started has
 * ended by then
 */
export async function startStack(options: StartStackOptions = {}): Promise<Stack> {
  const { gateways: count = 3, brokers = 1, tickMs = 1_000, aggregators: aggregatorCount = 1 } = options;
  const { log = discard, onOutput = discard } = options;
  const missing =
    (options.kafka === undefined ? missingForKafka() : null) ??
    missingForNginx() ??
    (options.registry === true ? missingForRegistry() : null);
  if (missing !== null) throw new Error(missing);
  mainFile();
  const port = await choosePort(options.port ?? 0, 'nginx');
  const gatewayPorts = await chooseGatewayPorts(count, options.gatewayPort ?? 0);

  const closers: (() => Promise<void>)[] = [];
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      const faults: unknown[] = [];
      for (const end of closers.reverse()) await end().catch((error: unknown) => faults.push(error));
      if (faults.length > 0) throw new AggregateError(faults, 'the stack did not end cleanly');
    })();
    return closing;
  };

  try {
    let broker: Broker | null = null;
    if (options.kafka === undefined) {
      broker = await startBroker({
        count: brokers,
        log,
        onOutput: (line) => onOutput('kafka', line),
        onCrash: (index, exit) => log(`kafka ${index + 1} died: ${describeExit(exit)}`),
      });
      closers.push(broker.close);
    }
    const kafka = options.kafka ?? broker!.bootstrap;
    let registry: Registry | null = null;
    if (options.registry === true) {
      log('starting the schema registry');
      registry = await startRegistry({ log, onOutput: (line) => onOutput('registry', line) });
      closers.push(registry.close);
    }

    /** Starts one process of our program, to be ended with the stack. */
    const run = async (
      name: string,
      command: 'serve' | 'tick' | 'aggregate',
      env: Record<string, string>,
      url: string | null,
    ) => {
      log(`starting ${name}`);
      const program = createProgram({
        name,
        command,
        url,
        env: {
          // Otherwise jest's NODE_ENV=test would be inherited, with which kafkajs retries differently.
          NODE_ENV: 'production',
          // 1: nginx. The admin page shows the clients' addresses.
          TRUST_PROXY: '1',
          KAFKA_BROKERS: kafka.join(','),
          KAFKA_TOPICS: process.env.KAFKA_TOPICS ?? (aggregatorCount > 0 ? TOPICS_WITH_SUMMARIES : TOPICS),
          KAFKA_TOPIC_REPLICATION: String(options.kafka === undefined ? brokers : 1),
          ...(registry === null ? {} : { SCHEMA_REGISTRY_URL: registry.url }),
          DRAIN_MS: process.env.DRAIN_MS ?? String(DRAIN_MS),
          ...env,
          ...options.env,
        },
        restart: options.restart ?? false,
        log,
        onOutput: (line) => onOutput(name, line),
      });
      closers.push(program.close);
      await program.start();
      return program;
    };

    const gateways: StackGateway[] = [];
    for (const [index, gatewayPort] of gatewayPorts.entries()) {
      const url = `http://${HOST}:${gatewayPort}`;
      const program = await run(`gateway-${index + 1}`, 'serve', { PORT: String(gatewayPort), HOST }, url);
      // Not a copy: `pid` changes with each start.
      gateways.push(Object.assign(program, { url }));
    }
    const ticker =
      tickMs === null ? null : await run('ticker', 'tick', { TICK_MS: String(tickMs), PORT: '0' }, null);
    const aggregators: Program[] = [];
    for (let index = 0; index < aggregatorCount; index++) {
      const name = index === 0 ? 'aggregator' : `aggregator-${index + 1}`;
      aggregators.push(await run(name, 'aggregate', {}, null));
    }

    log('starting nginx');
    const nginx = await startNginx({
      upstreams: gatewayPorts.map((gatewayPort) => `${HOST}:${gatewayPort}`),
      port,
      ...(options.streams === undefined ? {} : { streams: options.streams }),
      onOutput: (line) => onOutput('nginx', line),
      onCrash: (exit) => log(`nginx died: ${describeExit(exit)}`),
    });
    closers.push(nginx.close);
    await untilReadyThrough(nginx.url);

    return { url: nginx.url, kafka, registry, gateways, broker, ticker, aggregators, nginx, close };
  } catch (error) {
    await close().catch((fault: unknown) => log(String(fault)));
    throw error;
  }
}

async function choosePort(wanted: number, purpose: string): Promise<number> {
  if (wanted === 0) return (await freePorts(1))[0]!;
  await assertPortFree(wanted, purpose);
  return wanted;
}

async function chooseGatewayPorts(count: number, first: number): Promise<number[]> {
  if (first === 0) return freePorts(count);
  const ports = Array.from({ length: count }, (_, index) => first + index);
  for (const [index, port] of ports.entries()) await assertPortFree(port, `gateway ${index + 1}`);
  return ports;
}

async function untilReadyThrough(url: string): Promise<void> {
  const deadline = Date.now() + NGINX_READY_MS;
  for (;;) {
    const fault = await readyFault(url);
    if (fault === null) return;
    if (Date.now() > deadline) throw new Error(`no gateway is ready behind nginx: ${fault}`);
    await sleep(NGINX_PAUSE_MS);
  }
}
