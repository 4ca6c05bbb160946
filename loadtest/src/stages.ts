import { durationMs } from './duration.ts';

/** As in k6: over this time the number of streams moves evenly to `target`. */
export interface Stage {
  readonly durationMs: number;
  readonly target: number;
}

/** A whole run: ramp up, hold, ramp down. Moments are milliseconds after its start. */
export interface Plan {
  readonly stages: readonly Stage[];
  /** The most streams that are open at once. */
  readonly connections: number;
  readonly holdFromMs: number;
  readonly holdToMs: number;
  readonly endMs: number;
}

/** The ramp-up of the standard run (README-LOAD-TEST.md), as shares of its connections. */
const STANDARD_RAMP: readonly (readonly [durationMs: number, share: number])[] = [
  [120_000, 0.02],
  [120_000, 0.1],
  [120_000, 0.2],
  [300_000, 1],
];

/** The stages of the standard run, scaled to `connections`; with `rampMs` one even ramp-up instead of four stages. */
export function standardStages(options: {
  readonly connections: number;
  readonly rampMs: number | null;
  readonly holdMs: number;
  readonly rampDownMs: number;
}): Stage[] {
  const { connections, rampMs, holdMs, rampDownMs } = options;
  const ramp: Stage[] =
    rampMs === null
      ? STANDARD_RAMP.map(([ms, share]) => ({ durationMs: ms, target: Math.ceil(connections * share) }))
      : [{ durationMs: rampMs, target: connections }];
  return [...ramp, { durationMs: holdMs, target: connections }, { durationMs: rampDownMs, target: 0 }];
}

/** `2m:1000,5m:50000,2m:50000,2m:0`. @throws Error with the part that is no stage */
export function parseStages(text: string): Stage[] {
  return text.split(',').map((part) => {
    const [duration = '', target = '', ...rest] = part.trim().split(':');
    const stage = { durationMs: durationMs(duration), target: Number(target) };
    if (Number.isNaN(stage.durationMs) || !/^\d+$/.test(target) || rest.length > 0) {
      throw new Error(`"${part}" is no stage: write duration:connections, such as 2m:1000`);
    }
    return stage;
  });
}

/**
 * The hold is the stretch of stages that stay at the highest target; the rest is the ramp-down.
 *
 * @throws Error when there is none
 */
export function planOf(stages: readonly Stage[]): Plan {
  const connections = Math.max(0, ...stages.map(({ target }) => target));
  if (connections === 0) throw new Error('no stage opens a connection');
  let atMs = 0;
  let before = 0;
  let holdFromMs: number | null = null;
  let holdToMs = 0;
  for (const { durationMs: ms, target } of stages) {
    if (target === connections && before === connections) {
      holdFromMs ??= atMs;
      holdToMs = atMs + ms;
    }
    atMs += ms;
    before = target;
  }
  if (holdFromMs === null || holdToMs === holdFromMs) {
    throw new Error(
      `no stage holds the ${connections} connections: put two stages of that target one after the other`,
    );
  }
  return { stages, connections, holdFromMs, holdToMs, endMs: atMs };
}
