import type { AppendConfig, KafkaConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { AppendResult, TopicPartition } from '../event-log';
import { createBackoff } from './backoff';
import { type BrokerAddress, nameOf } from './broker-link';
import type { BrokerLinks } from './broker-links';
import type { Cluster } from './cluster';
import { type ProducedBatch, produceRequest } from './produce-request';
import { ERROR_CODE, ProtocolError } from './protocol-error';
import { encodeRecordBatch, type OutgoingRecord } from './record-encoder';
import { keyOf } from './topic-partitions';

/** A record on its way to the log. */
export interface PendingAppend extends TopicPartition {
  readonly record: OutgoingRecord;
  /** Called by `settle`. */
  readonly onSettled: (result: AppendResult) => void;
  settled: boolean;
  /** It was handed to the network, and no broker has said that it was not stored. */
  uncertain: boolean;
}

/** Records of one partition that go into one record batch, always together and in this order. */
interface Run extends TopicPartition {
  appends: readonly PendingAppend[];
  readonly timestampMs: number;
  /** An earlier try may have been stored. */
  uncertain: boolean;
}

export interface BatchSenderOptions {
  readonly kafka: KafkaConfig;
  readonly append: AppendConfig;
  readonly cluster: Cluster;
  readonly links: BrokerLinks;
  readonly signal: AbortSignal;
  /** A request was answered with success after this long. */
  readonly onStored: (durationMs: number) => void;
  /** A request failed; `lost` when there was no answer at all. */
  readonly onFailure: (error: Error, lost: boolean) => void;
}

/** Answers that leave open whether the batch is in the log; after all others it is not. */
const UNCERTAIN = new Set<number>([
  -1,
  ERROR_CODE.REQUEST_TIMED_OUT,
  ERROR_CODE.NETWORK_EXCEPTION,
  ERROR_CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
]);

/** Answers that another try may change. */
const TRANSIENT = new Set<number>([
  ...UNCERTAIN,
  ERROR_CODE.CORRUPT_MESSAGE,
  ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION,
  ERROR_CODE.LEADER_NOT_AVAILABLE,
  ERROR_CODE.NOT_LEADER_OR_FOLLOWER,
  ERROR_CODE.REPLICA_NOT_AVAILABLE,
  ERROR_CODE.NOT_ENOUGH_REPLICAS,
  ERROR_CODE.KAFKA_STORAGE_ERROR,
]);

/** Only the first result counts: after its deadline a record may still be answered. */
export function settle(append: PendingAppend, result: AppendResult): void {
  if (append.settled) return;
  append.settled = true;
  append.onSettled(result);
}

/**
 * Sends records until each is settled, by the log or by its deadline. Retries send the same records with the same
 * sequence numbers, so readers see them once; the next batch must not start before this is done.
 */
export async function sendBatch(
  appends: readonly PendingAppend[],
  options: BatchSenderOptions,
): Promise<void> {
  const { kafka, cluster, signal, onFailure } = options;
  const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
  const waiting = splitIntoRuns(appends);
  while (!signal.aborted) {
    for (const [key, runs] of waiting) {
      const open = runs.map(withoutAbandoned).filter((run) => run.appends.length > 0);
      if (open.length === 0) waiting.delete(key);
      else waiting.set(key, open);
    }
    if (waiting.size === 0) return;
    const allAnswered = await sendHeads(waiting, options);
    if (allAnswered) continue;
    await backoff.wait(signal);
    await cluster.refresh().catch((error: Error) => onFailure(error, true));
  }
}

function splitIntoRuns(appends: readonly PendingAppend[]): Map<string, Run[]> {
  const timestampMs = Date.now();
  const members = new Map<string, PendingAppend[]>();
  for (const append of appends) {
    const known = members.get(keyOf(append));
    if (known === undefined) members.set(keyOf(append), [append]);
    else known.push(append);
  }
  return new Map(
    [...members].map(([key, run]) => {
      const { topic, partition } = run[0]!;
      return [key, [{ topic, partition, appends: run, timestampMs, uncertain: false }]];
    }),
  );
}

/**
 * What was reported as not stored must not be stored later. A run whose first try may have arrived stays whole, so
 * that a reader can tell the second copy.
 */
function withoutAbandoned(run: Run): Run {
  if (run.appends.every(({ settled }) => settled)) return { ...run, appends: [] };
  return run.uncertain ? run : { ...run, appends: run.appends.filter(({ settled }) => !settled) };
}

/** Sends the first run of each partition, one request per leader. Answers false when something is to be tried again. */
async function sendHeads(waiting: Map<string, Run[]>, options: BatchSenderOptions): Promise<boolean> {
  const leaders = new Map(options.cluster.view?.partitions.map((led) => [keyOf(led), led.leader]));
  const requests = new Map<string, { leader: BrokerAddress; runs: Run[] }>();
  let complete = true;
  for (const [key, [run]] of waiting) {
    const leader = leaders.get(key) ?? null;
    if (leader === null) {
      complete = false;
      options.onFailure(new ProtocolError(key, ERROR_CODE.LEADER_NOT_AVAILABLE), false);
      continue;
    }
    const request = requests.get(nameOf(leader));
    if (request === undefined) requests.set(nameOf(leader), { leader, runs: [run!] });
    else request.runs.push(run!);
  }
  await Promise.all(
    [...requests.values()].map(async ({ leader, runs }) => {
      const answers = await produce(leader, runs, options);
      for (const run of runs) {
        const answer = answers.get(keyOf(run));
        const rest = answer === undefined ? [run] : settleRun(run, answer);
        if (rest.includes(run)) complete = false;
        waiting.set(keyOf(run), [...rest, ...waiting.get(keyOf(run))!.slice(1)]);
      }
    }),
  );
  return complete;
}

async function produce(
  leader: BrokerAddress,
  runs: readonly Run[],
  { kafka, append, links, onStored, onFailure }: BatchSenderOptions,
): Promise<ReadonlyMap<string, ProducedBatch>> {
  const batches = runs.map(({ topic, partition, appends, timestampMs }) => ({
    topic,
    partition,
    batch: encodeRecordBatch(
      appends.map(({ record }) => record),
      timestampMs,
    ),
  }));
  try {
    const link = await links.get(leader);
    for (const run of runs) markUncertain(run, true);
    const sentMs = performance.now();
    const answer = await link.send(
      produceRequest(batches, append.deadlineMs),
      Math.min(kafka.requestTimeoutMs, append.deadlineMs + kafka.livenessMs),
    );
    const failed = answer.batches.find(({ errorCode }) => TRANSIENT.has(errorCode));
    if (failed === undefined) onStored(performance.now() - sentMs);
    else onFailure(new ProtocolError(keyOf(failed), failed.errorCode), false);
    return new Map(answer.batches.map((batch) => [keyOf(batch), batch]));
  } catch (error) {
    for (const run of runs) run.uncertain = run.appends[0]!.uncertain;
    onFailure(error as Error, true);
    return new Map();
  }
}

/** What is left of the run to send: nothing, the run itself for another try, or its halves. */
function settleRun(run: Run, { errorCode, baseOffset }: ProducedBatch): readonly Run[] {
  const { topic, partition, appends } = run;
  if (errorCode === ERROR_CODE.NONE) {
    for (const [index, append] of appends.entries()) {
      settle(append, { ok: true, topic, partition, offset: baseOffset + BigInt(index) });
    }
    return [];
  }
  if (UNCERTAIN.has(errorCode)) run.uncertain = true;
  markUncertain(run, run.uncertain);
  if (TRANSIENT.has(errorCode)) return [run];
  const cause = new ProtocolError(keyOf(run), errorCode);
  const tooLarge =
    errorCode === ERROR_CODE.MESSAGE_TOO_LARGE || errorCode === ERROR_CODE.RECORD_LIST_TOO_LARGE;
  if (tooLarge && appends.length > 1) {
    const middle = appends.length >> 1;
    return [
      { ...run, appends: appends.slice(0, middle) },
      { ...run, appends: appends.slice(middle) },
    ];
  }
  const error = tooLarge
    ? new GatewayError('event-too-large', `the event is larger than Kafka takes for ${topic}`, { cause })
    : new GatewayError('log-unavailable', `Kafka refused the event: ${cause.message}`, { cause });
  for (const append of appends) settle(append, { ok: false, error });
  return [];
}

function markUncertain(run: Run, uncertain: boolean): void {
  for (const append of run.appends) append.uncertain = uncertain;
}
