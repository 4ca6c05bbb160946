import type { Clock } from '../../src/hub/pacing';

/** Time that passes when a test says so. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #started = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    this.#started++;
    return () => this.#timers.delete(timer);
  }

  /** Timers that have been neither called nor cancelled. */
  get timers(): number {
    return this.#timers.size;
  }

  /** All timers so far. */
  get started(): number {
    return this.#started;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    const due = [...this.#timers].filter(({ atMs }) => atMs <= this.#nowMs);
    for (const timer of due) if (this.#timers.delete(timer)) timer.run();
  }
}
