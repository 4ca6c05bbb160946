/**
 * Reads a topic of the event log of the environment (KAFKA_BROKERS, KAFKA_TOPICS …) from its start to its end, in reads
 * as large and as many at a time as the gateway's for its history. Twice: the first time runs in code that is not
 * compiled yet. Prints a JSON line with the figures of the second time.
 */
import { parseConfig } from '../src/config';
import type { EventLog, PartitionBounds } from '../src/eventlog/event-log';
import { createEventLog } from '../src/gateway';
import { createLogger } from '../src/logger';

const CLOSE_DEADLINE_MS = 5_000;

async function main(): Promise<void> {
  const config = parseConfig(process.env);
  const log = createEventLog(config, createLogger({ level: 'warn' }));
  try {
    const { partitions } = await log.bounds();
    await readAll(log, partitions, config.replay);
    const startMs = performance.now();
    const records = await readAll(log, partitions, config.replay);
    const seconds = (performance.now() - startMs) / 1_000;
    process.stdout.write(`${JSON.stringify({ figures: { readRecords: records, readS: seconds } })}\n`);
  } finally {
    await log.close(CLOSE_DEADLINE_MS);
  }
}

/** Returns how many records there are. */
async function readAll(
  log: EventLog,
  partitions: readonly PartitionBounds[],
  { readers, chunkBytes }: { readonly readers: number; readonly chunkBytes: number },
): Promise<number> {
  const waiting = [...partitions];
  let records = 0;
  const readNext = async (): Promise<void> => {
    for (let partition = waiting.pop(); partition !== undefined; partition = waiting.pop()) {
      for (let from = partition.logStart; from < partition.logEnd; ) {
        const chunk = await log.read(partition, from, partition.logEnd, { maxBytes: chunkBytes });
        records += chunk.records.length;
        from = chunk.next;
      }
    }
  };
  await Promise.all(Array.from({ length: readers }, readNext));
  return records;
}

main().catch((error: unknown) => {
  process.stderr.write(`read-process: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
