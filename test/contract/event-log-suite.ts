import { randomBytes, randomUUID } from 'node:crypto';
import { GatewayError } from '../../src/errors';
import type { AppendResult, EventLog, NewRecord, TailListener } from '../../src/eventlog/event-log';
import { until } from '../support/until';
import { TailRecorder, textOf } from './tail-recorder';
import { type BuildEventLog, CLOSE_MS, useEventLogs } from './use-event-logs';

export interface EventLogBuilder {
  /** A log over these topics, one partition each, that exist when it says it is connected. */
  readonly build: BuildEventLog;
  /** A log whose only topic has offsets 15 to 25, because those before were deleted. Values are `0` to `24`. */
  buildTrimmed(topic: string): Promise<EventLog>;
}

/** What every adapter of the port promises. */
export function describeEventLog(builder: EventLogBuilder): void {
  const { open, adopt, start, tail } = useEventLogs(builder.build);

  const fill = (log: EventLog, topic: string, count: number) =>
    log.append(Array.from({ length: count }, (_, i) => text(topic, String(i)))).then(offsets);

  describe('append', () => {
    it('answers one offset per record and the tail brings the records in that order', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const seen = await tail(log);
      // Whether it says the leader epoch is the log's affair.
      expect(await log.append(['a', 'b', 'c'].map((value) => text(topic, value)))).toMatchObject(
        [0n, 1n, 2n].map((offset) => ({ ok: true, topic, partition: 0, offset })),
      );
      expect(await log.append([text(topic, 'd')])).toMatchObject([
        { ok: true, topic, partition: 0, offset: 3n },
      ]);
      await seen.sees(4);
      expect(seen.texts).toEqual(['a', 'b', 'c', 'd']);
      expect(seen.records.map(({ offset }) => offset)).toEqual([0n, 1n, 2n, 3n]);
    });

    it('tells what it was to mark as original from all else', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const seen = await tail(log);
      await log.append([
        text(topic, 'plain'),
        { ...text(topic, 'marked'), markOriginal: true },
        text(topic, 'x'),
      ]);
      await seen.sees(3);
      expect(seen.records.map(({ isOriginal = false }) => isOriginal)).toEqual([false, true, false]);
    });

    it('keeps value, key, headers and time as they were', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const seen = await tail(log);
      const beforeMs = Date.now();
      const sent: NewRecord[] = [
        { topic, key: null, value: Buffer.alloc(0), headers: [] },
        {
          topic,
          key: '',
          value: randomBytes(256 << 10),
          headers: [{ key: 'channel', value: Buffer.from('/a') }],
        },
        {
          topic,
          key: 'schlüssel',
          value: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
          headers: [
            { key: '2', value: Buffer.from([0, 255]) },
            { key: 'é', value: Buffer.alloc(0) },
            { key: '1', value: null },
            { key: '2', value: Buffer.from('again') },
          ],
        },
      ];
      offsets(await log.append(sent));
      const got = await seen.sees(3);
      for (const [index, record] of sent.entries()) {
        expect(got[index]!.value!.equals(record.value)).toBe(true);
        expect(got[index]!.key?.toString() ?? null).toBe(record.key);
        expect(got[index]!.headers).toEqual(record.headers);
        expect(got[index]!.timestampMs).toBeGreaterThanOrEqual(beforeMs);
        expect(got[index]!.timestampMs).toBeLessThanOrEqual(Date.now());
      }
    });

    it('takes several topics in one call, each with its own offsets', async () => {
      const topics = [newTopic(), newTopic()];
      const log = await open(topics);
      const seen = await tail(log);
      const order = [0, 1, 1, 0, 1];
      const results = await log.append(order.map((which, i) => text(topics[which]!, String(i))));
      expect(results.map((result) => (result.ok ? [result.topic, result.offset] : result))).toEqual([
        [topics[0], 0n],
        [topics[1], 0n],
        [topics[1], 1n],
        [topics[0], 1n],
        [topics[1], 2n],
      ]);
      await seen.sees(5);
      expect(seen.records.filter(({ topic }) => topic === topics[0]).map(textOf)).toEqual(['0', '3']);
      expect(seen.records.filter(({ topic }) => topic === topics[1]).map(textOf)).toEqual(['1', '2', '4']);
    });

    it('fails the records of an unknown topic and stores the others', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const results = await log.append([text(topic, 'a'), text('nowhere', 'b'), text(topic, 'c')]);
      expect(results.map((result) => (result.ok ? result.offset : codeOf(result)))).toEqual([
        0n,
        'unknown-topic',
        1n,
      ]);
    });

    it('answers an empty call with nothing', async () => {
      const log = await open([newTopic()]);
      expect(await log.append([])).toEqual([]);
    });

    it('stores 5,000 records of concurrent calls once each, in the order of each caller', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const seen = await tail(log);
      const callers = 50;
      const byOffset = new Map<bigint, string>();
      await Promise.all(
        Array.from({ length: callers }, async (_, caller) => {
          for (let i = 0; i < 100; i++) {
            const value = `${caller}:${i}`;
            const [offset] = offsets(await log.append([text(topic, value)]));
            byOffset.set(offset!, value);
          }
        }),
      );
      await seen.sees(5_000);
      expect(byOffset.size).toBe(5_000);
      expect(seen.records.map(({ offset }) => byOffset.get(offset))).toEqual(seen.texts);
      for (let caller = 0; caller < callers; caller++) {
        const own = seen.texts.filter((value) => value.startsWith(`${caller}:`));
        expect(own).toEqual(Array.from({ length: 100 }, (_, i) => `${caller}:${i}`));
      }
    });
  });

  describe('tail', () => {
    it('tells the bounds at the start and begins where it is told to: first record, middle, end', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      await fill(log, topic, 10);
      const seen = await tail(log, new TailRecorder(() => 4n));
      expect(seen.layout).toMatchObject({ partitions: [{ topic, partition: 0, logStart: 0n, logEnd: 10n }] });
      await seen.sees(6);
      expect(seen.texts).toEqual(['4', '5', '6', '7', '8', '9']);
    });

    it('begins at the first record when asked to', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      await fill(log, topic, 3);
      const seen = await tail(log, new TailRecorder(({ logStart }) => logStart));
      await seen.sees(3);
      expect(seen.texts).toEqual(['0', '1', '2']);
    });

    it('announces what was deleted below the start that it is told', async () => {
      const topic = newTopic();
      const log = adopt(await builder.buildTrimmed(topic));
      const seen = await tail(log, new TailRecorder(() => 3n));
      await seen.sees(10);
      expect(seen.gaps).toEqual([{ topic, partition: 0, from: 3n, to: 15n, reason: 'retention' }]);
      expect(seen.texts).toEqual(['15', '16', '17', '18', '19', '20', '21', '22', '23', '24']);
    });

    it('tells a truncation when it is told to begin beyond the end, and goes on at the end', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      await fill(log, topic, 3);
      const seen = await tail(log, new TailRecorder(() => 100n));
      await until(() => seen.truncations.length > 0, 'the truncation');
      expect(seen.truncations).toEqual([{ topic, partition: 0, to: 3n }]);
      offsets(await log.append([text(topic, 'new')]));
      await seen.sees(1);
      expect(seen.records).toMatchObject([{ offset: 3n, value: Buffer.from('new') }]);
    });

    it('brings nothing while paused and everything after', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const { seen, tail: running } = await start(log);
      await fill(log, topic, 5);
      await seen.sees(5);
      running.pause();
      // What was being fetched may still arrive: this record ends that fetch.
      await log.append([text(topic, 'late')]);
      await until(async () => (await log.bounds()).partitions[0]!.logEnd === 6n, 'the log has it');
      const atPause = seen.records.length;
      for (let i = 0; i < 20; i++) await log.append([text(topic, `p${i}`)]);
      // A read takes as long as a delivery would.
      const chunk = await log.read({ topic, partition: 0 }, 6n, 26n, { maxBytes: 1 << 20 });
      expect(chunk.records).toHaveLength(20);
      expect(seen.records.length - atPause).toBeLessThanOrEqual(1);
      running.resume();
      await seen.sees(26);
      expect(seen.texts.slice(5)).toEqual(['late', ...Array.from({ length: 20 }, (_, i) => `p${i}`)]);
    });

    it('cannot run twice', async () => {
      const log = await open([newTopic()]);
      await tail(log);
      expect(() => log.tail(new TailRecorder())).toThrow('tailed already');
    });

    it('offers again what its listener could not take, from there on, and shows the lag', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const seen = new TailRecorder();
      let isWaiting = true;
      const { onRecords } = seen;
      seen.onRecords = (batch) => {
        const at = batch.records.findIndex((record) => textOf(record) === 'c');
        if (!isWaiting || at < 0) return onRecords.call(seen, batch);
        const { offset: from } = batch.records[at]!;
        if (at > 0) onRecords.call(seen, { ...batch, records: batch.records.slice(0, at), next: from });
        return { from, detail: 'it waits' };
      };
      await tail(log, seen);
      offsets(await log.append(['a', 'b', 'c', 'd'].map((value) => text(topic, value))));
      const partition = () => log.status().consumer.partitions[0]!;
      await until(() => partition().read.state === 'waiting', 'the partition waits');
      expect(seen.texts).toEqual(['a', 'b']);
      expect(partition().read.detail).toBe('it waits');
      expect(partition().highWatermark! - partition().position!).toBe(2n);
      expect(log.status().consumer.connected).toBe(true);
      offsets(await log.append([text(topic, 'e')]));
      await until(() => partition().highWatermark! - partition().position! === 3n, 'the lag grows');
      isWaiting = false;
      await seen.sees(5);
      expect(seen.texts).toEqual(['a', 'b', 'c', 'd', 'e']);
      await until(() => partition().read.state === 'ok', 'it waits no more');
    });

    it('stops when its listener throws, and the log goes on', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      let calls = 0;
      const broken: TailListener = {
        onStart: (layout) => layout.partitions.map(({ logEnd }) => logEnd),
        onRecords() {
          calls++;
          throw new Error('a defect');
        },
        onGap: unexpected,
        onReset: unexpected,
        onTruncated: unexpected,
        onPartitions: unexpected,
      };
      log.tail(broken);
      await until(() => log.status().consumer.connected, 'the consumer is connected');
      await until(async () => {
        offsets(await log.append([text(topic, 'x')]));
        return calls > 0;
      }, 'the listener was called');
      offsets(await log.append([text(topic, 'y')]));
      const { partitions } = await log.bounds();
      const chunk = await log.read(
        { topic, partition: 0 },
        partitions[0]!.logEnd - 1n,
        partitions[0]!.logEnd,
        {
          maxBytes: 1_000,
        },
      );
      expect(chunk.records.map(textOf)).toEqual(['y']);
      expect(calls).toBe(1);
    });
  });

  describe('read', () => {
    it('reads exactly the range asked for', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      await fill(log, topic, 20);
      const chunk = await log.read({ topic, partition: 0 }, 5n, 9n, { maxBytes: 1 << 20 });
      expect(chunk).toMatchObject({ topic, partition: 0, next: 9n, gaps: [] });
      expect(chunk.records.map(textOf)).toEqual(['5', '6', '7', '8']);
      expect(chunk.records.map(({ offset }) => offset)).toEqual([5n, 6n, 7n, 8n]);
    });

    it('pages by bytes, at least one record a page', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const sizes = [10, 5_000, 10, 10, 2_000, 2_000, 900, 10];
      offsets(
        await log.append(
          sizes.map((size) => ({ topic, key: null, value: Buffer.alloc(size, 'x'), headers: [] })),
        ),
      );
      const pages: number[][] = [];
      for (let from = 0n; from < 8n; ) {
        const chunk = await log.read({ topic, partition: 0 }, from, 8n, { maxBytes: 1_000 });
        expect(chunk.next).toBeGreaterThan(from);
        pages.push(chunk.records.map(({ value }) => value!.length));
        from = chunk.next;
      }
      expect(pages.flat()).toEqual(sizes);
      for (const page of pages) {
        const bytes = page.reduce((sum, size) => sum + size, 0);
        expect(page.length === 1 || bytes <= 1_000).toBe(true);
      }
      expect(pages.length).toBeLessThan(sizes.length);
    });

    it('stops at the end of the log and refuses to begin beyond it', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      await fill(log, topic, 3);
      const at = { topic, partition: 0 };
      expect(await log.read(at, 1n, 100n, { maxBytes: 1_000 })).toMatchObject({ next: 3n });
      expect(await log.read(at, 3n, 100n, { maxBytes: 1_000 })).toMatchObject({
        next: 3n,
        records: [],
        gaps: [],
      });
      await expect(log.read(at, 4n, 100n, { maxBytes: 1_000 })).rejects.toMatchObject({
        code: 'offset-out-of-range',
      });
    });

    it('announces what was deleted', async () => {
      const topic = newTopic();
      const log = adopt(await builder.buildTrimmed(topic));
      const at = { topic, partition: 0 };
      const chunk = await log.read(at, 10n, 18n, { maxBytes: 1 << 20 });
      expect(chunk).toMatchObject({ next: 18n, gaps: [{ ...at, from: 10n, to: 15n, reason: 'retention' }] });
      expect(chunk.records.map(textOf)).toEqual(['15', '16', '17']);
      expect(await log.read(at, 2n, 7n, { maxBytes: 1 << 20 })).toMatchObject({
        next: 7n,
        records: [],
        gaps: [{ ...at, from: 2n, to: 7n, reason: 'retention' }],
      });
    });

    it('knows no other topics or partitions', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      await expect(
        log.read({ topic: 'nowhere', partition: 0 }, 0n, 1n, { maxBytes: 1 }),
      ).rejects.toMatchObject({
        code: 'unknown-topic',
      });
      await expect(log.read({ topic, partition: 7 }, 0n, 1n, { maxBytes: 1 })).rejects.toMatchObject({
        code: 'unknown-topic',
      });
    });

    it('gives up when its signal says so', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const signal = AbortSignal.abort(new Error('gone'));
      await expect(log.read({ topic, partition: 0 }, 0n, 1n, { maxBytes: 1, signal })).rejects.toThrow(
        'gone',
      );
    });
  });

  describe('bounds and status', () => {
    it('tell the same story as appends and the tail', async () => {
      const topics = [newTopic(), newTopic()];
      const log = await open(topics);
      const seen = await tail(log);
      await fill(log, topics[1]!, 7);
      await seen.sees(7);
      const { clusterId, partitions } = await log.bounds();
      expect(clusterId).toBe(seen.layout!.clusterId);
      expect(partitions.map(({ topic, logStart, logEnd }) => [topic, logStart, logEnd])).toEqual([
        [topics[0], 0n, 0n],
        [topics[1], 0n, 7n],
      ]);
      for (const { topicId } of partitions) expect(topicId).toMatch(/^[0-9a-f]{32}$/);
      expect(partitions[0]!.topicId).not.toBe(partitions[1]!.topicId);
      const { producer, consumer } = log.status();
      expect([producer.connected, producer.state, consumer.connected, consumer.state]).toEqual([
        true,
        'connected',
        true,
        'connected',
      ]);
      expect(consumer.partitions.map(({ topic, position }) => [topic, position])).toEqual([
        [topics[0], 0n],
        [topics[1], 7n],
      ]);
      expect(consumer.partitions[1]!.highWatermark).toBe(7n);
      expect(consumer.partitions[0]!.lastRecordAt).toBeNull();
      expect(Date.parse(consumer.partitions[1]!.lastRecordAt!)).toBeGreaterThan(Date.now() - 60_000);
    });
  });

  describe('bounds at a time', () => {
    it('find the first record of that time or later in each partition', async () => {
      const [busy, calm, empty] = [newTopic(), newTopic(), newTopic()];
      const log = await open([busy, calm, empty]);
      await fill(log, busy, 3);
      await fill(log, calm, 1);
      const firstMs = await nextMs();
      await fill(log, busy, 2);
      const secondMs = await nextMs();
      await fill(log, busy, 4);
      const lastMs = await nextMs();
      const at = async (timeMs: number) =>
        (await log.bounds({ timeMs })).partitions.map(({ atTime }) => atTime);
      expect(await at(firstMs)).toEqual([3n, 1n, 0n]);
      expect(await at(secondMs)).toEqual([5n, 1n, 0n]);
      expect(await at(secondMs - 0.5)).toEqual([5n, 1n, 0n]);
      expect(await at(lastMs)).toEqual([9n, 1n, 0n]);
      const chunk = await log.read({ topic: busy, partition: 0 }, 0n, 9n, { maxBytes: 1 << 20 });
      expect(chunk.records.findIndex(({ timestampMs }) => timestampMs >= secondMs)).toBe(5);
      const { timestampMs } = chunk.records[5]!;
      expect((await at(timestampMs))[0]).toBe(5n);
    });

    it('are the log’s end for the far future and its start for a time before everything', async () => {
      const topic = newTopic();
      const log = adopt(await builder.buildTrimmed(topic));
      for (const timeMs of [Date.now() + 365 * 86_400_000, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE]) {
        expect((await log.bounds({ timeMs })).partitions).toMatchObject([{ logEnd: 25n, atTime: 25n }]);
      }
      // Kafka has meanings of its own for −1 and −2.
      for (const timeMs of [1, 0, -1, -2, -1_000, -Number.MAX_VALUE]) {
        expect((await log.bounds({ timeMs })).partitions).toMatchObject([{ logStart: 15n, atTime: 15n }]);
      }
    });

    it('are told only when a time is asked for', async () => {
      const log = await open([newTopic()]);
      expect((await log.bounds()).partitions[0]).not.toHaveProperty('atTime');
      expect((await log.bounds({})).partitions[0]).not.toHaveProperty('atTime');
    });
  });

  describe('close', () => {
    it('finishes what was appended, refuses more, and can be called again', async () => {
      const topic = newTopic();
      const log = await open([topic]);
      const pending = Promise.all(
        Array.from({ length: 100 }, (_, i) => log.append([text(topic, String(i))])),
      );
      await Promise.all([log.close(CLOSE_MS), log.close(CLOSE_MS)]);
      for (const results of await pending) expect(results[0]!.ok).toBe(true);
      expect((await log.append([text(topic, 'late')])).map(codeOf)).toEqual(['draining']);
      expect(log.status()).toMatchObject({
        producer: { connected: false, state: 'closed' },
        consumer: { connected: false, state: 'closed' },
      });
      await log.close(CLOSE_MS);
    });
  });
}

export function newTopic(): string {
  return `t-${randomUUID()}`;
}

export function text(topic: string, value: string, key: string | null = null): NewRecord {
  return { topic, key, value: Buffer.from(value), headers: [] };
}

/** The offsets of results that are all good. */
export function offsets(results: readonly AppendResult[]): bigint[] {
  return results.map((result) => {
    if (!result.ok) throw result.error;
    return result.offset;
  });
}

/** The error code of a result, or `ok`. */
export function codeOf(result: AppendResult): string {
  if (result.ok) return 'ok';
  return result.error instanceof GatewayError ? result.error.code : String(result.error);
}

/** A time that is later than all that was appended before, and not later than what is appended after. */
async function nextMs(): Promise<number> {
  const calledMs = Date.now();
  await until(() => Date.now() > calledMs, 'the clock goes on');
  return Date.now();
}

function unexpected(): never {
  throw new Error('an unexpected call');
}
