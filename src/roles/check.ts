import type { Config } from '../config';
import { GatewayError } from '../errors';
import type {
  EventLog,
  LogLayout,
  LogRecord,
  PartitionBounds,
  TopicPartition,
  TopicStatus,
} from '../eventlog/event-log';
import { keyOf } from '../eventlog/records';
import { encodeRecord } from '../events/record-entry';
import type { Topic, TopicMap } from '../events/topic-map';
import type { SchemaRegistry } from '../values/schema-registry';
import { dataOf } from '../wire/frame';

export interface CheckDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  /** Null: none is configured. */
  readonly registry: SchemaRegistry | null;
  readonly config: Pick<Config, 'eventLog' | 'kafka' | 'ingest' | 'replay' | 'fanout'>;
  /** Takes a line of the report. */
  readonly print: (line: string) => void;
}

/** Records of each topic that are shown. */
const SHOWN_RECORDS = 3;
/** Characters of a record's data that are shown. */
const SHOWN_CHARS = 120;
/** No slot is needed: nothing is sent. */
const NO_SLOT = 0;

/**
 * Looks at everything that a gateway with this configuration would meet, and reports it line by line: brokers, topics and
 * rights, and the newest records of each topic as clients would get them. Changes nothing. Answers how many faults it
 * found; each is a line that begins with `!` and says what to do.
 */
export async function check({ log, topics, registry, config, print }: CheckDeps): Promise<number> {
  let faults = 0;

  function fault(text: string): void {
    faults++;
    print(`! ${text}`);
  }

  function reportTopic(topic: Topic, { partitions, unavailable }: LogLayout): readonly PartitionBounds[] {
    const { append, missingRights } = statusOf(topic.name);
    const found = partitions.filter((bounds) => bounds.topic === topic.name);
    const absent = unavailable.filter((one) => one.topic === topic.name);
    const retained = found.reduce((sum, { logStart, logEnd }) => sum + (logEnd - logStart), 0n);
    const count = found.length + absent.length;
    print('');
    print(
      `topic ${topic.name} on ${topic.base}: ${counted(count, 'partition')}, offsets for ${retained} records`,
    );
    if (count === 0) fault(append.detail ?? `topic ${topic.name} has no partitions`);
    if (missingRights.read !== null) fault(missingRights.read);
    if (missingRights.write !== null && config.ingest.enabled)
      fault(`${missingRights.write}; or set INGEST=off where nothing is to be published`);
    const away = absent.filter(({ reason }) => reason === 'unreachable');
    if (away.length > 0)
      fault(`${away.map(keyOf).join(', ')}: no leader, or it does not answer; look at the brokers`);
    return missingRights.read === null ? found : [];
  }

  function statusOf(topic: string): TopicStatus {
    return log.status().topics.find((status) => status.topic === topic)!;
  }

  async function showRecords(topic: Topic, partitions: readonly PartitionBounds[]): Promise<void> {
    let left = SHOWN_RECORDS;
    for (const { partition, logStart, logEnd } of partitions) {
      if (left === 0) return;
      if (logStart === logEnd) continue;
      const at = { topic: topic.name, partition };
      const newest = logEnd - BigInt(left);
      const from = newest > logStart ? newest : logStart;
      const { records, gaps } = await log.read(at, from, logEnd, { maxBytes: config.replay.chunkBytes });
      for (const gap of gaps)
        fault(`${keyOf(at)}: offsets ${gap.from} to ${gap.to} cannot be read (${gap.reason})`);
      for (const record of records) {
        const entry = await entryOf(record, at, topic);
        left--;
        if ('until' in entry) {
          fault(`schema ${entry.schemaId} of topic ${topic.name} cannot be fetched: ${entry.detail}`);
          return;
        }
        if ('leftOut' in entry) {
          print(`    offset ${record.offset} is left out: ${entry.leftOut}`);
          continue;
        }
        const data = dataOf(entry);
        const shown = data.length > SHOWN_CHARS ? `${data.slice(0, SHOWN_CHARS)}…` : data;
        print(`    ${entry.channel}  ${entry.event ?? 'message'}  ${shown}`);
      }
    }
    if (left === SHOWN_RECORDS) print('    no records yet');
  }

  /** Waits for each schema that the record needs, as long as one can be had. */
  async function entryOf(record: LogRecord, at: TopicPartition, topic: Topic) {
    let awaited: number | null = null;
    for (;;) {
      const entry = encodeRecord(null, record, NO_SLOT, at, topic, config.fanout.maxFrameBytes);
      if (!('until' in entry) || entry.schemaId === awaited) return entry;
      awaited = entry.schemaId;
      await entry.until;
    }
  }

  if (registry !== null) {
    await registry.probe();
    const { urls, detail } = registry.status();
    if (detail !== null) fault(`schema registry: ${detail}`);
    else print(`schema registry at ${urls.join()}`);
  }
  if (config.eventLog === 'memory') {
    print('event log: in memory, of this gateway alone (KAFKA_BROKERS is not set)');
    return faults;
  }
  let layout: LogLayout;
  try {
    layout = await log.bounds();
  } catch (error) {
    fault(reasonOf(error));
    return faults;
  }
  print(`Kafka at ${config.kafka.brokers.join()}: cluster ${layout.clusterId}`);
  for (const topic of topics.all) {
    const readable = reportTopic(topic, layout);
    try {
      await showRecords(topic, readable);
    } catch (error) {
      fault(`topic ${topic.name}: ${reasonOf(error)}`);
    }
  }
  return faults;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The innermost reason, which says what to do. */
function reasonOf(error: unknown): string {
  const { cause } = error as GatewayError;
  return error instanceof GatewayError && cause instanceof Error ? cause.message : (error as Error).message;
}
