import type { Broker } from '../infra/local/broker';
import type { BenchServer, ServerSetup } from './servers/server';

export type Figures = Readonly<Record<string, number>>;

/** A column of a case's table. */
export interface FigureColumn {
  /** Key in the figures. */
  readonly name: string;
  readonly title: string;
  /** Digits after the point. */
  readonly digits: number;
}

/** What a case must show, by the median of the rounds. */
export interface Target {
  readonly subject: string;
  readonly figure: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface BenchContext {
  /** Length of a window. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly churnMinutes: number;
  readonly node: string;
  /** Null: through the memory log. */
  readonly broker: Broker | null;
  /** A number of streams (or channels) of a full run, as many as this run is to have. */
  scaled(count: number): number;
  print(line: string): void;
  /** Starts a server, and ends it after `use`. */
  withServer<T>(
    setup: Partial<ServerSetup> & Pick<ServerSetup, 'name'>,
    use: (server: BenchServer) => Promise<T>,
  ): Promise<T>;
}

/** One question, asked of several subjects in turn, round by round. */
export interface BenchCase {
  readonly name: string;
  /** What is done and what the figures hold, for people. */
  readonly about: string;
  /** In the order in which each round asks them: servers, or ways of doing something with the gateway. */
  readonly subjects: readonly string[];
  readonly columns: readonly FigureColumn[];
  readonly targets: readonly Target[];
  /** Asks for the broker whatever `--through` says. */
  readonly needsKafka?: true;
  measure(subject: string, context: BenchContext): Promise<Figures>;
  /** What can only be said once all subjects of a round have been measured, such as ratios. */
  compare?(round: ReadonlyMap<string, Figures>): ReadonlyMap<string, Figures>;
}

/** Each subject's figure divided by that of the reference in the same round. */
export function ratioTo(
  reference: string,
  figure: string,
  name: string,
): (round: ReadonlyMap<string, Figures>) => ReadonlyMap<string, Figures> {
  return (round) => {
    const base = round.get(reference)?.[figure];
    const ratios = new Map<string, Figures>();
    if (base === undefined || base === 0) return ratios;
    for (const [subject, figures] of round) {
      const value = figures[figure];
      if (value !== undefined) ratios.set(subject, { [name]: value / base });
    }
    return ratios;
  };
}
