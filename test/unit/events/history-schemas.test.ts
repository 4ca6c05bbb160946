import type { TopicSetting } from '../../../src/config';
import { plainTopic } from '../../../src/config/topic-settings';
import type { EventLog, LogRecord } from '../../../src/eventlog/event-log';
import { createHistory, type HistoryReader } from '../../../src/events/history';
import { PartitionSlots } from '../../../src/events/partition-slots';
import { createTopicMap } from '../../../src/events/topic-map';
import type { Decoded, ValueDecoder } from '../../../src/values/decoded';
import { createQuietLogger } from '../../support/quiet-logger';
import { until } from '../../support/until';

const TOPIC: TopicSetting = { ...plainTopic('a'), value: 'registry' };
const VALUES = ['x', 'y', 'x'];
const RECORDS: readonly LogRecord[] = VALUES.map((value, i) => ({
  offset: BigInt(i),
  timestampMs: 0,
  key: null,
  value: Buffer.from(value),
  headers: [],
}));

const histories: HistoryReader[] = [];
afterEach(() => {
  for (const history of histories.splice(0)) history.close();
});

/** History of three records of two schemas, each asked for once while it is not there. */
function start(isAway: () => boolean) {
  const known = new Set<string>();
  let asked = 0;
  const decoder: ValueDecoder = {
    decode(bytes): Decoded {
      const schema = bytes.toString();
      if (known.has(schema)) return { kind: 'value', value: schema };
      asked++;
      const answer = async () => {
        if (!isAway()) known.add(schema);
      };
      const detail = isAway() ? 'the registry answers 503' : null;
      return { kind: 'waiting', schemaId: bytes[0]!, detail, until: answer() };
    },
  };
  const slots = new PartitionSlots([{ topic: 'a', digest: '00', partition: 0, start: 0n }]);
  const log = {
    read: async () => ({ topic: 'a', partition: 0, records: RECORDS, next: 3n, leaderEpoch: 0, gaps: [] }),
  } as unknown as EventLog;
  const logger = createQuietLogger();
  const history = createHistory({
    log,
    topics: createTopicMap([TOPIC], () => decoder),
    ids: { layout: () => ({ cluster: 'c', slots }), canSee: () => true },
    config: { readers: 1, chunkBytes: 1_000, cacheBytes: 1_000, cacheMs: 60_000 },
    sliceBytes: 1_000,
    maxFrameBytes: 1_000,
    retryMs: 1,
    logger,
  });
  histories.push(history);
  return { history, logger, asked: () => asked };
}

it('waits for each schema that a read needs', async () => {
  const { history, asked } = start(() => false);
  let from: bigint | null = null;
  await history.read(0, 0n, 3n, (start) => {
    from = start;
  });
  expect(from).toBe(0n);
  expect(history.find(0, 0n)).toMatchObject({ from: 0n, next: 3n });
  expect(history.find(0, 0n)!.entries).toHaveLength(3);
  expect(asked()).toBe(2);
});

it('is unreadable while a schema cannot be fetched, and then goes on with all records', async () => {
  let isAway = true;
  const { history, logger } = start(() => isAway);
  let reads = 0;
  let isReadable = 0;
  history.onReadable(() => isReadable++);
  await history.read(0, 0n, 3n, () => reads++);
  expect(reads).toBe(0);
  expect(history.isUnreadable(0)).toBe(true);
  expect(history.find(0, 0n)).toBeNull();
  expect(JSON.stringify(logger.lines.map(({ fields }) => String((fields as { err?: Error }).err)))).toContain(
    'schema 120 of a cannot be fetched: the registry answers 503',
  );
  isAway = false;
  await until(() => isReadable > 0, 'it is readable again');
  expect(history.isUnreadable(0)).toBe(false);
  expect(history.find(0, 0n)!.entries).toHaveLength(3);
});
