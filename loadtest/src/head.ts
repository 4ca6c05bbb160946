import { type LoadConfig, parseLoadConfig } from './config.ts';
import { type K6Options, k6Options } from './options.ts';
import { type Metrics, renderSummary } from './summary.ts';
import { type Window, windowLine, windowOf } from './window.ts';

/** Passed by setup() to every stream. */
export interface Briefing {
  readonly config: LoadConfig;
  readonly window: Window;
}

export interface SummaryData {
  readonly metrics: Metrics;
  readonly state: { readonly isStdOutTTY: boolean };
}

/** Run by k6 once for all VUs. */
export interface Head {
  readonly options: K6Options;
  /** The streams start now. */
  begin(nowMs: number, print: (line: string) => void): Briefing;
  summary(data: SummaryData): Record<string, string>;
}

/** @throws Error with the faults in `env` */
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
