import type { Plan } from './stages.ts';

/** The same moments as the plan's, in unix ms of a run that has begun. */
export interface Window {
  /** From here on all streams should be open; deliveries count. */
  readonly holdFromMs: number;
  readonly holdToMs: number;
  readonly endMs: number;
}

export function windowOf(plan: Plan, startedAtMs: number): Window {
  return {
    holdFromMs: startedAtMs + plan.holdFromMs,
    holdToMs: startedAtMs + plan.holdToMs,
    endMs: startedAtMs + plan.endMs,
  };
}

/** Printed by each k6 process when it begins, for who measures beside it. */
export function windowLine({ holdFromMs, holdToMs, endMs }: Window): string {
  return `sse-window ${holdFromMs} ${holdToMs} ${endMs}`;
}

/** Finds that line in what k6 prints; null when it is not there. */
export function parseWindowLine(line: string): Window | null {
  const found = /sse-window (\d+) (\d+) (\d+)/.exec(line);
  if (found === null) return null;
  return { holdFromMs: Number(found[1]), holdToMs: Number(found[2]), endMs: Number(found[3]) };
}

/** The time in which all of them hold. */
export function commonWindow(windows: readonly Window[]): Window {
  return {
    holdFromMs: Math.max(...windows.map(({ holdFromMs }) => holdFromMs)),
    holdToMs: Math.min(...windows.map(({ holdToMs }) => holdToMs)),
    endMs: Math.max(...windows.map(({ endMs }) => endMs)),
  };
}
