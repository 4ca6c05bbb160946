import type { EpochEnd, EpochQuery, LogLayout } from '../eventlog/event-log';

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

/** Where the log of each query's epoch ends; null for what the log could not say. In the order of the queries. */
export type AskEpochEnds = (queries: readonly EpochQuery[]) => Promise<readonly (EpochEnd | null)[]>;

/** Epochs of one partition that one answer may be about; a stranger may make up as many as he likes. */
const MAX_EPOCHS_TOGETHER = 16;

/** All that is to be asked next: by partition, by epoch, its answer. */
type Questions = Map<string, Map<number, { readonly query: EpochQuery; end: EpochEnd | null }>>;

/**
 * Shares answers among all that ask while one is under way, but never one that was asked before the caller: a record
 * may have been written since. So thousands of clients that come back at once cost two questions.
 */
export function createLatestEpochEnds(
  ask: (queries: readonly EpochQuery[]) => Promise<readonly EpochEnd[]>,
): AskEpochEnds {
  let running: Promise<unknown> | null = null;
  let next: { readonly questions: Questions; readonly asked: Promise<void> } | null = null;

  /** An answer does not say which question it is for, so each request has one epoch of a partition. */
  async function askAll(questions: Questions): Promise<void> {
    for (let round = 0; round < MAX_EPOCHS_TOGETHER; round++) {
      const now = [...questions].flatMap(([key, epochs]) => {
        const question = [...epochs.values()][round];
        return question === undefined ? [] : [[key, question] as const];
      });
      if (now.length === 0) return;
      const ends = new Map((await ask(now.map(([, { query }]) => query))).map((end) => [keyOf(end), end]));
      for (const [key, question] of now) question.end = ends.get(key) ?? null;
    }
  }

  async function afterRunning(questions: Questions): Promise<void> {
    // How the one before ended does not matter here.
    await running?.catch(() => undefined);
    next = null;
    const asked = askAll(questions);
    running = asked;
    try {
      await asked;
    } finally {
      if (running === asked) running = null;
    }
  }

  return async (queries) => {
    if (next === null) {
      const questions: Questions = new Map();
      next = { questions, asked: afterRunning(questions) };
    }
    const { questions, asked } = next;
    const own = queries.map((query) => {
      const epochs = questions.get(keyOf(query)) ?? new Map<number, { query: EpochQuery; end: null }>();
      questions.set(keyOf(query), epochs);
      const question = epochs.get(query.leaderEpoch) ?? { query, end: null };
      epochs.set(query.leaderEpoch, question);
      return question;
    });
    await asked;
    return own.map(({ end }) => end);
  };
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}
