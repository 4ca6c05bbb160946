import { type LoadConfig, parseLoadConfig } from './config.ts';
import { type K6Options, k6Options } from './options.ts';
import { type Metrics, renderSummary } from './summary.ts';
import { type Window, windowLine, windowOf } from './window.ts';

/** What every stream is told by setup(). */
export interface Briefing {
  readonly config: LoadConfig;
  readonly window: Window;
}

export interface SummaryData {
  readonly metrics: Metrics;
  readonly state: { readonly isStdOutTTY: boolean };
}

/** What k6 does once for all VUs. */
export interface Head {
  readonly options: K6Options;
  /** The streams begin now. */
  begin(nowMs: number, print: (line: string) => void): Briefing;
  summary(data: SummaryData): Record<string, string>;
}

/** @throws Error that names what is wrong in `env` */
export function createHead(env: Readonly<Record<string, string | undefined>>): Head {
  const config = parseLoadConfig(env);
  return {
    options: k6Options(config),
    begin(nowMs, print) {
      const window = windowOf(config.plan, nowMs);
      print(windowLine(window));
      return { config, window };
    },
    summary({ metrics, state }) {
      const file = config.summaryFile;
      return {
        stdout: renderSummary(config, metrics, state.isStdOutTTY),
        ...(file === null ? {} : { [file]: JSON.stringify({ metrics }) }),
      };
    },
  };
}
