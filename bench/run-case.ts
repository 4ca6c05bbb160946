import type { BenchCase, BenchContext, Figures } from './bench-case';
import { SERVER_NAMES } from './servers/server';
import { type Spread, spreadOf } from './statistics';

export interface CaseResult {
  readonly benchCase: BenchCase;
  /** Of each subject, a set of figures for each round. */
  readonly rounds: ReadonlyMap<string, readonly Figures[]>;
  /** Faults, one per line. */
  readonly faults: readonly string[];
}

/** Measures all subjects in turn, round by round, so that changes on the machine affect all alike. */
export async function runCase(
  benchCase: BenchCase,
  options: {
    readonly rounds: number;
    readonly servers: readonly string[];
    readonly context: BenchContext;
  },
): Promise<CaseResult> {
  const { context, servers } = options;
  const rounds = new Map<string, Figures[]>();
  const faults: string[] = [];
  // A subject that is no server is a way of using the gateway.
  const subjects = benchCase.subjects.filter(
    (name) => servers.includes(name) || !SERVER_NAMES.some((server) => server === name),
  );
  for (let round = 1; round <= options.rounds; round++) {
    const figures = new Map<string, Figures>();
    for (const subject of subjects) {
      const what = `${benchCase.name}, round ${round} of ${options.rounds}, ${subject}`;
      context.print(`… ${what}`);
      try {
        figures.set(subject, await benchCase.measure(subject, context));
      } catch (error) {
        faults.push(`${what}: ${(error as Error).message}`);
        context.print(`*** ${faults.at(-1)}`);
      }
    }
    const compared = benchCase.compare?.(figures) ?? new Map<string, Figures>();
    for (const [subject, found] of figures) {
      rounds.set(subject, [...(rounds.get(subject) ?? []), { ...found, ...compared.get(subject) }]);
    }
  }
  return { benchCase, rounds, faults };
}

/** A figure of a subject over all rounds; null when it was never measured. */
export function figureOf(result: CaseResult, subject: string, figure: string): Spread | null {
  const values = (result.rounds.get(subject) ?? []).flatMap((figures) => figures[figure] ?? []);
  return values.length === 0 ? null : spreadOf(values);
}
