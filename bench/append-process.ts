/**
 * Appends batches to the event log of the environment (KAFKA_BROKERS …) as fast as it can: the gateway's own appender
 * without HTTP. Arguments: records of a batch, batches at a time, bytes of a record, seconds of warm-up, seconds, and
 * whether to read them back into a ring (1) or not (0), as every gateway does. Prints a JSON line; what is read back
 * counts once it is in the ring.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Config, parseConfig } from '../src/config';
import type { EventLog, NewRecord } from '../src/eventlog/event-log';
import { createTopicMap } from '../src/events/topic-map';
import { createEventLog } from '../src/gateway';
import { createLogger, type Logger } from '../src/logger';
import { type Reading, startReading } from '../src/parts/reading';

const READY_PAUSE_MS = 100;
const CLOSE_DEADLINE_MS = 5_000;

async function main(): Promise<void> {
  const [
    batchRecords = 500,
    batchesAtATime = 4,
    dataBytes = 64,
    warmupSeconds = 3,
    seconds = 10,
    readBack = 0,
  ] = process.argv.slice(2).map(Number);
  const config = parseConfig(process.env);
  const logger = createLogger({ level: 'warn' });
  const log = createEventLog(config, logger);
  const reading = readBack === 1 ? readIntoRing(log, config, logger) : null;
  const record: NewRecord = {
    topic: config.topics[0]!.name,
    key: '/',
    value: Buffer.from('x'.repeat(dataBytes)),
    // As a post to `/` has it.
    headers: [{ key: 'channel', value: Buffer.from('/') }],
  };
  const batch = Array.from({ length: batchRecords }, () => record);
  while (!(await log.append([record]))[0]!.ok) await pause(READY_PAUSE_MS);

  let stored = 0;
  let refused = 0;
  let running = true;
  const appendAgain = async (): Promise<void> => {
    while (running) {
      for (const { ok } of await log.append(batch)) {
        if (ok) stored++;
        else refused++;
      }
    }
  };
  const appending = Array.from({ length: batchesAtATime }, appendAgain);
  await pause(warmupSeconds * 1_000);
  const done = () => reading?.hub.stats().published ?? stored;
  const before = done();
  refused = 0;
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  await pause(seconds * 1_000);
  const events = done() - before;
  const { user, system } = process.cpuUsage(startCpu);
  const eventsPerS = events / ((performance.now() - startMs) / 1_000);
  running = false;
  process.stdout.write(
    `${JSON.stringify({ figures: { eventsPerS, cpuUs: (user + system) / events, refused } })}\n`,
  );
  await Promise.all(appending);
  await reading?.close();
  await log.close(CLOSE_DEADLINE_MS);
}

/** Tails the event log into a hub that no stream has subscribed to. */
function readIntoRing(log: EventLog, config: Config, logger: Logger): Reading {
  return startReading({
    log,
    topics: createTopicMap(config.topics),
    config,
    retryMs: config.kafka.retryMaxMs,
    clockSkewMs: 0,
    onStreamError: (error) => {
      throw error;
    },
    logger,
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`append-process: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
