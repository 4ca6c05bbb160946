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
  /** URLs to test; null: start a stack and test it. */
  readonly url: string | null;
  /** The streams bypass nginx. */
  readonly direct: boolean;
  /** Null: as many as the machine's limits need. */
  readonly gateways: number | null;
  readonly tickMs: number;
  /** Null: as many as the limit of open files needs. */
  readonly shards: number | null;
  /** Connections of the probe; 0: none. */
  readonly probe: number;
  readonly verbose: boolean;
}

export const LOADTEST_HELP = `Usage: npm run loadtest -- [options]

Opens up to 50,000 event streams with k6 and checks thresholds. Starts Kafka, gateways, a ticker and
nginx, or tests a running system (--url). Exit code 0: all thresholds hold; 99: one does not.

  --connections N      streams at the same time (50000)
  --ramp TIME          one even ramp-up, such as 150s; without it the four stages of the standard run, 11 minutes
  --hold TIME          how long all of them are held and measured (2m)
  --ramp-down TIME     over which they close (2m)
  --quick              500 connections in half a minute; other options override it
  --scenario NAME      ramp: ramp up, hold, ramp down (default)
                       steady: ramp up over 30 s, then hold 10 minutes
                       storm: a gateway is killed, and its streams reconnect to the others
                       slow: every 20th stream is a slow client with large events; the others must not notice
                       rooms: six streams per room, members post
  --from -N|none       streams start with the last N events, so that each gets one at once (-1); none: with the next one
  --url URL            test this instead, such as https://events.example.org; several separated by commas
  --direct             connect to the gateways, not through nginx
  --gateways N         gateways of the stack; default 3, or as many as the limits need
  --tick-ms N          interval of timestamp events (5000; with --quick 1000)
  --shards N           k6 processes; default: as many as the limits need
  --probe N            streams of the probe, a small process that measures beside k6 (200)
  --verbose            print the output of all processes; the log files always have it
  --help               this text

Further settings of the k6 scripts come from the environment: README-LOAD-TEST.md.`;

/** Different defaults; the command line overrides them. */
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
    faults.push('--direct needs the local stack: name the gateways in --url');
  if (url !== null && scenario === 'storm')
    faults.push('--scenario storm needs the local stack: not with --url');
  const options: LoadTestOptions = {
    connections: count('connections', 1, 10_000_000),
    ramp: values.ramp === undefined && defaults.ramp === undefined ? null : time('ramp'),
    hold: time('hold'),
    rampDown: time('ramp-down'),
    scenario,
    // Rooms have no past events, and different messages each.
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
    // A stream that starts now gets its first event with the next tick at the latest.
    FIRST_EVENT_P95_MS: String(firstEventMs),
  };
}
