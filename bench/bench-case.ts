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

/** A target for the median of the rounds. */
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
  /** The checkout of the server `baseline`; null: not measured. */
  readonly baseline: string | null;
  /** Null: through the memory log. */
  readonly broker: Broker | null;
  /** Scales a number of streams or channels of a full run to this run. */
  scaled(count: number): number;
  print(line: string): void;
  /** Starts a server, and ends it after `use`. */
  withServer<T>(
    setup: Partial<ServerSetup> & Pick<ServerSetup, 'name'>,
    use: (server: BenchServer) => Promise<T>,
  ): Promise<T>;
}

/** One measurement, of several subjects in turn, round by round. */
export interface BenchCase {
  readonly name: string;
  /** What is measured and how, for people. */
  readonly about: string;
  /** In the order of each round: servers, or ways of using the gateway. */
  readonly subjects: readonly string[];
  readonly columns: readonly FigureColumn[];
  readonly targets: readonly Target[];
  /** Needs the broker, regardless of `--through`. */
  readonly needsKafka?: true;
  measure(subject: string, context: BenchContext): Promise<Figures>;
  /** Figures over all subjects of a round, such as ratios. */
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
