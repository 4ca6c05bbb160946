import type { LogLayout } from './event-log';

/**
 * Shares one answer among all that ask while it is under way, but never one that was asked before the caller: each gets
 * bounds that are newer than its question. So thousands of clients that come back at once cost two questions.
 */
export function createLatestBounds(ask: () => Promise<LogLayout>): () => Promise<LogLayout> {
  let running: Promise<unknown> | null = null;
  let next: Promise<LogLayout> | null = null;

  async function afterRunning(): Promise<LogLayout> {
    // How the one before ended does not matter here.
    await running?.catch(() => undefined);
    next = null;
    const asked = ask();
    running = asked;
    try {
      return await asked;
    } finally {
      if (running === asked) running = null;
    }
  }

  return () => {
    next ??= afterRunning();
    return next;
  };
}
