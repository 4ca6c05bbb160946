import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit, type SupervisedChild } from './supervised-child';

/**
 * Waits until a started process is up: calls `fault` again and again until it returns null instead of what is still
 * wrong.
 *
 * @throws Error with the process's last lines, when it ends or something is still wrong after `deadlineMs`
 */
export async function untilUp(
  child: SupervisedChild,
  fault: () => Promise<string | null>,
  { deadlineMs, pauseMs }: { readonly deadlineMs: number; readonly pauseMs: number },
): Promise<void> {
  const giveUpMs = performance.now() + deadlineMs;
  for (;;) {
    const exit = child.exit();
    if (exit !== null) {
      // Its last lines are complete only then.
      await child.exited;
      throw new Error(`${child.name} ended while it started (${describeExit(exit)}):\n${child.lastLines()}`);
    }
    const found = await fault();
    if (found === null) return;
    if (performance.now() > giveUpMs) {
      throw new Error(`${child.name} is not ready after ${deadlineMs} ms (${found}):\n${child.lastLines()}`);
    }
    await sleep(pauseMs);
  }
}
