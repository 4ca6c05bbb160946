import type { Window } from '../src/window.ts';
import type { Samples } from './samples';
import type { Target } from './target';

const INTERVAL_MS = 5_000;
const MS_PER_S = 1_000;

/** Prints a line every few seconds: phase, streams, memory. Returns a function that stops it. */
export function startProgress(deps: {
  readonly window: Window;
  /** Planned streams, the probe's included. */
  readonly connections: number;
  readonly target: Target;
  readonly samples: Samples;
  readonly print: (line: string) => void;
}): () => void {
  const { window, connections, target, samples, print } = deps;
  let asking = false;
  const timer = setInterval(() => {
    // Never two requests to the same gateway at a time.
    if (asking) return;
    asking = true;
    target
      .openStreams()
      .then((open) => {
        const streams =
          open.length === 0 ? '' : `${open.reduce((a, b) => a + b, 0)} of ${connections} streams, `;
        print(`${phaseAt(Date.now(), window)}: ${streams}${samples.totalMiB()} MiB in all processes`);
      })
      .finally(() => {
        asking = false;
      });
  }, INTERVAL_MS);
  return () => clearInterval(timer);
}

/** The phase of a run, for people. */
function phaseAt(nowMs: number, { holdFromMs, holdToMs, endMs }: Window): string {
  const left = (untilMs: number): string => `${Math.max(0, Math.ceil((untilMs - nowMs) / MS_PER_S))} s left`;
  if (nowMs < holdFromMs) return `up, ${left(holdFromMs)}`;
  if (nowMs < holdToMs) return `hold, ${left(holdToMs)}`;
  return `down, ${left(endMs)}`;
}
