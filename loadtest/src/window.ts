import type { Plan } from './stages.ts';

/** The plan's moments in unix ms, once the run has started. */
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

/** Printed by each k6 process when it starts, for the processes that measure beside it. */
export function windowLine({ holdFromMs, holdToMs, endMs }: Window): string {
  return `sse-window ${holdFromMs} ${holdToMs} ${endMs}`;
}

/** Parses that line; null for any other line. */
export function parseWindowLine(line: string): Window | null {
  const found = /sse-window (\d+) (\d+) (\d+)/.exec(line);
  if (found === null) return null;
  return { holdFromMs: Number(found[1]), holdToMs: Number(found[2]), endMs: Number(found[3]) };
}

/** The time in which all of them are in their hold. */
export function commonWindow(windows: readonly Window[]): Window {
  return {
    holdFromMs: Math.max(...windows.map(({ holdFromMs }) => holdFromMs)),
    holdToMs: Math.min(...windows.map(({ holdToMs }) => holdToMs)),
    endMs: Math.max(...windows.map(({ endMs }) => endMs)),
  };
}
