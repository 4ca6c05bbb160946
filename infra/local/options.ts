import { parseCommandLine, refuseFaults, type Values, wholeNumber } from './command-line';

export interface KafkaOptions {
  readonly brokers: 1 | 3;
  readonly port: number;
  /** Null: a temporary directory. */
  readonly dataDir: string | null;
  readonly verbose: boolean;
}

const KAFKA_HELP = `Usage: npm run kafka -- [options]

Runs Apache Kafka (KRaft) on this machine until Ctrl-C, without Docker.

  --brokers 1|3   how many brokers (1); with 3 the replication factor is 3
  --port PORT     port of the first broker, the others follow (9092)
  --data DIR      keep the records in DIR; without it they are deleted at the end
  --verbose       print the brokers' output, not only errors
  --help          this text`;

/** @throws UsageError */
export function parseKafkaOptions(args: readonly string[]): KafkaOptions {
  const values = parseCommandLine(args, KAFKA_HELP, {
    brokers: { type: 'string', default: '1' },
    port: { type: 'string', default: '9092' },
    data: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  });
  const faults: string[] = [];
  const options: KafkaOptions = {
    brokers: brokerCount(values.brokers, faults),
    port: wholeNumber('--port', values.port, 1, 65_535, faults),
    dataDir: text(values.data) ?? null,
    verbose: values.verbose === true,
  };
  refuseFaults(faults, KAFKA_HELP);
  return options;
}

export interface StackOptions {
  readonly brokers: 1 | 3;
  readonly gateways: number;
  /** Port of nginx; 0: a free one. */
  readonly port: number;
  /** Port of the first gateway, the others follow; 0: free ones. */
  readonly gatewayPort: number;
  readonly tickMs: number;
  /** 0: none, and the gateways do not serve the summaries. */
  readonly aggregators: number;
  /** `host:port` list of brokers that run already; null: start one. */
  readonly kafka: readonly string[] | null;
  /** Start a schema registry as well. */
  readonly registry: boolean;
  /** Restart a gateway, ticker or aggregator that dies. */
  readonly restart: boolean;
  readonly verbose: boolean;
}

const STACK_HELP = `Usage: npm run stack -- [options]

Runs everything on this machine until Ctrl-C, without Docker: Apache Kafka, gateways,
a ticker that appends timestamp events, an aggregator of statistics, and nginx in front.

  --port PORT          port of nginx (8080)
  --gateways N         how many gateways (3)
  --gateway-port PORT  port of the first gateway, the others follow (3001)
  --brokers 1|3        how many Kafka brokers (1)
  --kafka HOST:PORT    use this Kafka instead of starting one; several separated by commas
  --tick-ms N          interval of timestamp events (1000)
  --aggregators N      how many aggregators (1); with 0 the gateways do not serve /summary
  --registry           start a schema registry as well, and tell the gateways of it
  --restart            restart a gateway, ticker or aggregator that dies; without it, only report it
  --verbose            print the output of all processes; the log files always have it
  --help               this text

Settings of the gateways come from the environment, for example LOG_LEVEL=debug npm run stack.`;

/** @throws UsageError */
export function parseStackOptions(args: readonly string[]): StackOptions {
  const values = parseCommandLine(args, STACK_HELP, {
    brokers: { type: 'string', default: '1' },
    gateways: { type: 'string', default: '3' },
    port: { type: 'string', default: '8080' },
    'gateway-port': { type: 'string', default: '3001' },
    'tick-ms': { type: 'string', default: '1000' },
    aggregators: { type: 'string', default: '1' },
    kafka: { type: 'string' },
    registry: { type: 'boolean', default: false },
    restart: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  });
  const faults: string[] = [];
  const options: StackOptions = {
    brokers: brokerCount(values.brokers, faults),
    gateways: wholeNumber('--gateways', values.gateways, 1, 100, faults),
    port: wholeNumber('--port', values.port, 0, 65_535, faults),
    gatewayPort: wholeNumber('--gateway-port', values['gateway-port'], 0, 65_535, faults),
    aggregators: wholeNumber('--aggregators', values.aggregators, 0, 100, faults),
    tickMs: wholeNumber('--tick-ms', values['tick-ms'], 1, 2 ** 31 - 1, faults),
    kafka: brokerList(text(values.kafka), faults),
    registry: values.registry === true,
    restart: values.restart === true,
    verbose: values.verbose === true,
  };
  refuseFaults(faults, STACK_HELP);
  return options;
}

function brokerCount(value: Values[string], faults: string[]): 1 | 3 {
  if (value !== '1' && value !== '3') faults.push(`--brokers must be 1 or 3, not ${value}`);
  return value === '3' ? 3 : 1;
}

function brokerList(value: string | undefined, faults: string[]): readonly string[] | null {
  if (value === undefined) return null;
  const list = value.split(',').map((entry) => entry.trim());
  for (const entry of list) {
    if (!/^[^\s:]+:\d{1,5}$/.test(entry)) faults.push(`--kafka must be HOST:PORT, not "${entry}"`);
  }
  return list;
}

function text(value: Values[string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
