import { parseCommandLine, refuseFaults, wholeNumber } from '../../infra/local/command-line';
import { FIRST_EVENT_P95_MS } from '../src/config.ts';
import { durationMs } from '../src/duration.ts';

export interface LoadTestOptions {
  readonly connections: number;
  /** Null: the four stages of the standard run. */
  readonly ramp: string | null;
  readonly hold: string;
  readonly rampDown: string;
  readonly scenario: string;
  /** `-N`, `earliest`, `latest` or `none`. */
  readonly from: string;
  /** What is tested instead of a stack of our own; null: that one. */
  readonly url: string | null;
  /** Around nginx, straight at the gateways. */
  readonly direct: boolean;
  /** Null: as many as the machine's limits ask for. */
  readonly gateways: number | null;
  readonly tickMs: number;
  /** Null: as many as the limit of open files asks for. */
  readonly shards: number | null;
  /** Connections of the probe; 0: none. */
  readonly probe: number;
  readonly verbose: boolean;
}

export const LOADTEST_HELP = `Usage: npm run loadtest -- [options]

Opens up to 50,000 event streams with k6 and judges them by thresholds. Starts Kafka, gateways,
ticker and nginx by itself, or tests what runs already (--url). Exit code 0: all thresholds hold; 99: one does not.

  --connections N      streams at the same time (50000)
  --ramp TIME          one even way up, as 150s; without it the four stages of the standard run, 11 minutes
  --hold TIME          how long all of them are held and measured (2m)
  --ramp-down TIME     over which they leave (2m)
  --quick              500 connections in half a minute; what is also given wins
  --scenario NAME      ramp: up, hold, down (this is the default)
                       steady: the way up over 30 s, then 10 minutes
                       storm: a gateway is killed, and its streams come back at the others
                       slow: every 20th stream reads large events slowly; the others must not notice
                       rooms: six streams to a room, members post
  --from -N|none       streams begin with the last N events, so that each has one at once (-1); none: with the next one
  --url URL            test this instead, as https://events.example.org; several with commas are taken in turn
  --direct             the streams go to the gateways, not through nginx
  --gateways N         gateways of the stack; without it 3, or as many as the limits ask for
  --tick-ms N          pause between two timestamp events (5000; with --quick 1000)
  --shards N           k6 processes; without it as many as the limit of open files asks for
  --probe N            streams of the probe, a small process that measures beside k6 (200)
  --verbose            show everything that the processes print; the log files always have it
  --help               this text

Further settings of the k6 scripts come from the environment: README-LOAD-TEST.md.`;

/** What differs from the usual defaults; the command line wins over all of them. */
const QUICK = {
  connections: '500',
  ramp: '5s',
  hold: '15s',
  'ramp-down': '3s',
  'tick-ms': '1000',
  probe: '50',
};
const STEADY = { ramp: '30s', hold: '10m', 'ramp-down': '30s' };
const STORM = { ramp: '60s', hold: '1m', 'ramp-down': '10s' };
const SLOW = { connections: '1000', ramp: '10s', hold: '1m', 'ramp-down': '5s', 'tick-ms': '1000' };
const ROOMS = { connections: '3000', ramp: '15s', hold: '1m', 'ramp-down': '5s' };
const DEFAULTS = { connections: '50000', hold: '2m', 'ramp-down': '2m', 'tick-ms': '5000', probe: '200' };

type Defaults = Partial<Record<keyof typeof QUICK, string>>;
const SCENARIO_DEFAULTS: Readonly<Record<string, Defaults>> = {
  ramp: {},
  steady: STEADY,
  storm: STORM,
  slow: SLOW,
  rooms: ROOMS,
};

/** @throws UsageError */
export function parseLoadTestOptions(args: readonly string[]): LoadTestOptions {
  const values = parseCommandLine(joinNegative(args), LOADTEST_HELP, {
    connections: { type: 'string' },
    ramp: { type: 'string' },
    hold: { type: 'string' },
    'ramp-down': { type: 'string' },
    scenario: { type: 'string', default: 'ramp' },
    from: { type: 'string' },
    url: { type: 'string' },
    gateways: { type: 'string' },
    'tick-ms': { type: 'string' },
    shards: { type: 'string' },
    probe: { type: 'string' },
    quick: { type: 'boolean', default: false },
    direct: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  });
  const faults: string[] = [];
  const scenario = String(values.scenario);
  const ofScenario = SCENARIO_DEFAULTS[scenario];
  if (ofScenario === undefined) {
    faults.push(`--scenario must be one of ${Object.keys(SCENARIO_DEFAULTS).join(', ')}, not ${scenario}`);
  }
  const defaults: Defaults = { ...DEFAULTS, ...ofScenario, ...(values.quick === true ? QUICK : {}) };
  const value = (name: keyof typeof QUICK): string => String(values[name] ?? defaults[name]);
  const time = (name: 'ramp' | 'hold' | 'ramp-down'): string => {
    if (Number.isNaN(durationMs(value(name))))
      faults.push(`--${name} must be a time such as 90s or 2m, not ${value(name)}`);
    return value(name);
  };
  const count = (name: keyof typeof QUICK, min: number, max: number): number =>
    wholeNumber(`--${name}`, value(name), min, max, faults);

  const url = values.url === undefined ? null : String(values.url);
  if (url !== null && values.direct === true)
    faults.push('--direct is for our own stack: give the gateways with --url');
  if (url !== null && scenario === 'storm')
    faults.push('--scenario storm kills a gateway of our own stack: not with --url');
  const options: LoadTestOptions = {
    connections: count('connections', 1, 10_000_000),
    ramp: values.ramp === undefined && defaults.ramp === undefined ? null : time('ramp'),
    hold: time('hold'),
    rampDown: time('ramp-down'),
    scenario,
    // Rooms have no ticks of the past, and each its own messages.
    from: String(values.from ?? (scenario === 'rooms' ? 'none' : '-1')),
    url,
    direct: values.direct === true,
    gateways:
      values.gateways === undefined ? null : wholeNumber('--gateways', values.gateways, 1, 100, faults),
    tickMs: count('tick-ms', 1, 2 ** 31 - 1),
    shards: values.shards === undefined ? null : wholeNumber('--shards', values.shards, 1, 1_000, faults),
    probe: count('probe', 0, 10_000),
    verbose: values.verbose === true,
  };
  if (scenario === 'storm' && options.gateways === 1)
    faults.push('--scenario storm needs --gateways 2 or more');
  if (!/^(-\d{1,9}|earliest|latest|none)$/.test(options.from)) {
    faults.push(`--from must be -N, earliest, latest or none, not ${options.from}`);
  }
  refuseFaults(faults, LOADTEST_HELP);
  return options;
}

/** `--from -1` is two arguments to us and an option `-1` to Node. */
function joinNegative(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (joined.at(-1) === '--from') joined[joined.length - 1] = `--from=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

/** The same for the k6 scripts. `urls`: what is tested. */
export function scriptEnvOf(
  options: LoadTestOptions,
  urls: readonly string[],
  shards: number,
): Record<string, string> {
  const { connections, ramp, hold, rampDown, scenario, from, tickMs } = options;
  const firstEventMs = from === 'none' ? FIRST_EVENT_P95_MS + tickMs : FIRST_EVENT_P95_MS;
  return {
    URL: urls.join(','),
    CONNECTIONS: String(connections),
    RAMP: ramp ?? '',
    HOLD: hold,
    RAMP_DOWN: rampDown,
    SCENARIO: scenario,
    FROM: from,
    SHARDS: String(shards),
    SSE_MODULE: 'bundled',
    STAGES: '',
    // A stream that begins now has its first event with the next tick at the latest.
    FIRST_EVENT_P95_MS: String(firstEventMs),
  };
}
