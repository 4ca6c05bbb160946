import { setImmediate as turn } from 'node:timers/promises';
import type { ArrayLog } from './array-log';
import type { Answer } from './gateway-log';
import type { ModelGateway } from './model-gateway';

/** What both runs of the model (`run.ts`, `run-trouble.ts`) do with gateways, whatever else their steps are. */

const QUIET_TURNS = 6;
/** Timers take 1 or 2 ms here: a run without progress for this time and these turns is stuck. */
const STUCK_MS = 50;
const STUCK_TURNS = 200;
/** Far more rounds than any run needs. */
const MAX_ROUNDS = 5_000;

/** Numbers of a step choose among what there is. */
export function pick<T>(list: readonly T[], index: number): T {
  return list[index % list.length]!;
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** A fault as a line of the report. */
export function faultText(fault: unknown): string {
  return fault instanceof Error ? fault.stack! : String(fault);
}

/** Answers one of the questions that a gateway has asked its event log, if there is one. */
export function answerOne(
  { log: { questions } }: ModelGateway,
  { question: which, how }: { readonly question: number; readonly how: Answer | 'fail' },
): void {
  if (questions.length === 0) return;
  const question = pick(questions, which);
  if (how === 'fail') question.fail();
  else question.answer(how);
}

/** Delivers and answers what there is. True if there was nothing. */
export function settleGateways(gateways: readonly ModelGateway[], { partitions }: ArrayLog): boolean {
  let isQuiet = true;
  for (const { log } of gateways) {
    log.discover();
    for (const partition of partitions.keys()) if (log.deliver(partition, 10)) isQuiet = false;
    for (const question of [...log.questions]) {
      question.answer('now');
      isQuiet = false;
    }
  }
  return isQuiet;
}

/**
 * Lets a run settle until nothing happens any more, or a fault was found.
 * @param settleOnce true if there was nothing left to do
 * @param progressOf changes while there is progress
 * @returns false if the run is stuck
 */
export async function settle(
  faults: readonly string[],
  settleOnce: () => boolean,
  progressOf: () => string,
): Promise<boolean> {
  let progress = '';
  let since = { round: 0, atMs: performance.now() };
  for (let quiet = 0, round = 0; faults.length === 0 && quiet < QUIET_TURNS; round++) {
    quiet = settleOnce() ? quiet + 1 : 0;
    await turn();
    const now = progressOf();
    if (now !== progress) since = { round, atMs: performance.now() };
    progress = now;
    const isStuck = round - since.round > STUCK_TURNS && performance.now() - since.atMs > STUCK_MS;
    if (round >= MAX_ROUNDS || isStuck) return false;
  }
  return true;
}
