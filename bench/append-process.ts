/**
 * Appends batches to the log of the environment (KAFKA_BROKERS …) as fast as it takes them: the gateway's own appender
 * without HTTP, tail and fan-out. Arguments: records of a batch, batches at a time, bytes of a record, seconds of
 * warm-up, seconds. Prints a JSON line.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseConfig } from '../src/config';
import type { NewRecord } from '../src/eventlog/event-log';
import { createEventLog } from '../src/gateway';
import { createLogger } from '../src/logger';

const READY_PAUSE_MS = 100;
const CLOSE_DEADLINE_MS = 5_000;

async function main(): Promise<void> {
  const [batchRecords = 500, batchesAtATime = 4, dataBytes = 64, warmupSeconds = 3, seconds = 10] =
    process.argv.slice(2).map(Number);
  const config = parseConfig(process.env);
  const log = createEventLog(config, createLogger('warn'));
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
  const before = stored;
  refused = 0;
  const startMs = performance.now();
  await pause(seconds * 1_000);
  const recordsPerS = (stored - before) / ((performance.now() - startMs) / 1_000);
  running = false;
  process.stdout.write(`${JSON.stringify({ recordsPerS, refused })}\n`);
  await Promise.all(appending);
  await log.close(CLOSE_DEADLINE_MS);
}

main().catch((error: unknown) => {
  process.stderr.write(`append-process: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
