import type { EpochEnd, EpochQuery, LogLayout } from '../eventlog/event-log';
import { keyOf } from '../eventlog/records';

/**
 * Lets all callers that wait share one question and its answer. A caller never gets the answer to a question that was sent
 * before its call: records may have been written since. So thousands of clients that reconnect at once cost two questions.
 * @param begin makes the question that callers join until it is sent
 */
function shareNext<Q, A>(
  begin: () => Q,
  ask: (question: Q) => Promise<A>,
): () => { question: Q; answer: Promise<A> } {
  let running: Promise<unknown> | null = null;
  let next: { question: Q; answer: Promise<A> } | null = null;

  async function afterRunning(question: Q): Promise<A> {
    // Its own callers get its error.
    await running?.catch(() => undefined);
    next = null;
    const asked = ask(question);
    running = asked;
    try {
      return await asked;
    } finally {
      if (running === asked) running = null;
    }
  }

  return () => {
    if (next === null) {
      const question = begin();
      next = { question, answer: afterRunning(question) };
    }
    return next;
  };
}

/** Shares the bounds of all partitions among the callers that wait for them. */
export function createLatestBounds(ask: () => Promise<LogLayout>): () => Promise<LogLayout> {
  const join = shareNext(() => null, ask);
  return () => join().answer;
}

/** Where each query's leader epoch ends, in the order of the queries; null when Kafka could not say. */
type AskEpochEnds = (queries: readonly EpochQuery[]) => Promise<readonly (EpochEnd | null)[]>;

/** Limit of questions about one partition per answer: ids come from clients, so their epochs may be invented. */
const MAX_EPOCHS_TOGETHER = 16;

/** What is asked next: by partition, by epoch. */
type Questions = Map<string, Map<number, { readonly query: EpochQuery; end: EpochEnd | null }>>;

/** Shares answers as `createLatestBounds` does: all queries that wait go into one question. */
export function createLatestEpochEnds(
  ask: (queries: readonly EpochQuery[]) => Promise<readonly EpochEnd[]>,
): AskEpochEnds {
  /** An answer does not name its epoch, so each request has only one epoch per partition. */
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

  const join = shareNext<Questions, void>(() => new Map(), askAll);

  return async (queries) => {
    const { question: questions, answer } = join();
    const own = queries.map((query) => {
      const epochs = questions.get(keyOf(query)) ?? new Map<number, { query: EpochQuery; end: null }>();
      questions.set(keyOf(query), epochs);
      const question = epochs.get(query.leaderEpoch) ?? { query, end: null };
      epochs.set(query.leaderEpoch, question);
      return question;
    });
    await answer;
    return own.map(({ end }) => end);
  };
}
