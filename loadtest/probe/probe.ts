import { setTimeout as sleep } from 'node:timers/promises';
import { numberAt } from '../src/payload.ts';
import { createSequence } from '../src/sequence.ts';
import { type Distribution, distributionOf } from './distribution';
import { openProbeClient, type ProbeClient } from './probe-client';

/** Passed as JSON in the first argument. */
export interface ProbeOptions {
  /** Of the streams; taken in turn. */
  readonly urls: readonly string[];
  readonly count: number;
  /** Deliveries count between these, unix ms; the probe ends at the second one. */
  readonly holdFromMs: number;
  readonly holdToMs: number;
  /** As in the k6 scripts; null: not measured. */
  readonly latencyPath: string | null;
  readonly sequencePath: string | null;
}

/** Printed as the last line, as JSON. */
export interface ProbeResult {
  readonly count: number;
  /** Streams that had an event. */
  readonly opened: number;
  /** Milliseconds. */
  readonly latency: Distribution;
  readonly lost: number;
  readonly duplicates: number;
  readonly breaks: number;
}

/** Pause between two connects, so that the probe causes no storm. */
const OPENING_PAUSE_MS = 5;

/** A small process beside k6, which is too busy for exact times: opens a few streams and measures each delivery. */
async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '') as ProbeOptions;
  const { urls, count, holdFromMs, holdToMs, latencyPath, sequencePath } = options;
  const latencies: number[] = [];
  const clients: ProbeClient[] = [];
  let lost = 0;
  let duplicates = 0;
  for (let i = 0; i < count; i++) {
    const sequence = createSequence();
    const onEvent = (data: string, arrivedMs: number): void => {
      const sentMs = latencyPath === null ? null : numberAt(data, latencyPath);
      const isTimed = arrivedMs >= holdFromMs && arrivedMs < holdToMs;
      if (sentMs !== null && isTimed) latencies.push(Math.max(0, arrivedMs - sentMs));
      const number = sequencePath === null ? null : numberAt(data, sequencePath);
      if (number === null) return;
      const step = sequence.next(number);
      lost += step.lost;
      if (step.isDuplicate) duplicates++;
    };
    clients.push(openProbeClient({ url: new URL(urls[i % urls.length]!), onEvent }));
    await sleep(OPENING_PAUSE_MS);
  }
  await sleep(Math.max(0, holdToMs - Date.now()));
  const result: ProbeResult = {
    count,
    opened: clients.filter((client) => client.hasEvents()).length,
    latency: distributionOf(latencies),
    lost,
    duplicates,
    breaks: clients.reduce((sum, client) => sum + client.breaks(), 0),
  };
  for (const client of clients) client.close();
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`probe: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
