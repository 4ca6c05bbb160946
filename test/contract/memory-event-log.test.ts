import { parseConfig } from '../../src/config';
import type { EventLog } from '../../src/eventlog/event-log';
import { createMemoryEventLog } from '../../src/eventlog/memory/memory-event-log';
import { createQuietLogger } from '../support/quiet-logger';
import { until } from '../support/until';
import { codeOf, describeEventLog, newTopic, offsets, text } from './event-log-suite';
import { TailRecorder } from './tail-recorder';
import type { Env } from './use-event-logs';

function build(topics: readonly string[], env: Env = {}): EventLog {
  const { memoryLog, append } = parseConfig(env);
  return createMemoryEventLog({ config: memoryLog, append, topics, logger: createQuietLogger() });
}

describe('memory event log', () => {
  describeEventLog({
    build,
    async buildTrimmed(topic) {
      const log = build([topic], { MEMORY_LOG_RECORDS: '10' });
      for (let i = 0; i < 25; i++) offsets(await log.append([text(topic, String(i))]));
      return log;
    },
  });

  it('has another cluster id at each start', async () => {
    const topic = newTopic();
    const [first, second] = await Promise.all([build([topic]).bounds(), build([topic]).bounds()]);
    expect(first.clusterId).not.toBe(second.clusterId);
    expect(first.partitions[0]!.topicId).not.toBe(second.partitions[0]!.topicId);
  });

  it('keeps as many bytes as it may, the newest', async () => {
    const topic = newTopic();
    const log = build([topic], { MEMORY_LOG_BYTES: '1024' });
    for (let i = 0; i < 10; i++) offsets(await log.append([text(topic, 'x'.repeat(200))]));
    expect((await log.bounds()).partitions).toMatchObject([{ logStart: 5n, logEnd: 10n }]);
  });

  it('lets appends wait while a paused tail has a full history to get, then brings everything', async () => {
    const topic = newTopic();
    const log = build([topic], { MEMORY_LOG_RECORDS: '10' });
    const seen = new TailRecorder();
    const tail = log.tail(seen);
    await seen.started();
    tail.pause();
    offsets(await log.append(Array.from({ length: 10 }, (_, i) => text(topic, String(i)))));
    let stored = 0;
    const waiting = [10, 11, 12].map(async (i) => {
      offsets(await log.append([text(topic, String(i))]));
      stored++;
    });
    expect((await log.bounds()).partitions).toMatchObject([{ logStart: 0n, logEnd: 10n }]);
    expect(stored).toBe(0);
    tail.resume();
    await Promise.all(waiting);
    await seen.sees(13);
    expect(seen.texts).toEqual(Array.from({ length: 13 }, (_, i) => String(i)));
    expect([seen.gaps, seen.violations]).toEqual([[], []]);
    await log.close(1_000);
  });

  it('refuses an append that waited for its deadline, and what does not fit into the queue at once', async () => {
    const topic = newTopic();
    const log = build([topic], {
      MEMORY_LOG_RECORDS: '2',
      KAFKA_PRODUCE_DEADLINE_MS: '100',
      KAFKA_PRODUCE_QUEUE_RECORDS: '1',
    });
    const seen = new TailRecorder();
    const tail = log.tail(seen);
    await seen.started();
    tail.pause();
    offsets(await log.append([text(topic, '0'), text(topic, '1')]));
    const late = log.append([text(topic, '2')]);
    expect((await log.append([text(topic, '3')])).map(codeOf)).toEqual(['too-many-in-flight']);
    expect((await late).map(codeOf)).toEqual(['log-unavailable']);
    tail.resume();
    await seen.sees(2);
    await until(
      async () => codeOf((await log.append([text(topic, '4')]))[0]!) === 'ok',
      'there is room again',
    );
    await log.close(1_000);
  });

  it('lets go of appends that wait when it is closed', async () => {
    const topic = newTopic();
    const log = build([topic], { MEMORY_LOG_RECORDS: '1' });
    const seen = new TailRecorder();
    const tail = log.tail(seen);
    await seen.started();
    tail.pause();
    offsets(await log.append([text(topic, '0')]));
    const waiting = log.append([text(topic, '1')]);
    await log.close(50);
    expect((await waiting).map(codeOf)).toEqual(['log-unavailable']);
  });
});
