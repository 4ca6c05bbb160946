import { type plainTopic, topicSetting, type WrittenTopic } from '../../src/config/topic-settings';
import type { LogRecord } from '../../src/eventlog/event-log';
import { encodeRecord, encodeWithMeta } from '../../src/events/record-entry';
import { createTopic, type Topic } from '../../src/events/topic-map';
import { createFrameDecoder } from '../../src/wire/frame-decoder';

/** A topic as TOPICS_FILE says it. @throws for one that has a fault */
export function topicOf(written: Omit<WrittenTopic, 'name'>): Topic {
  const setting = topicSetting({ name: 'orders', ...written });
  if (Array.isArray(setting)) throw new Error(JSON.stringify(setting));
  return createTopic(setting as ReturnType<typeof plainTopic>);
}

/** What clients get of a record, or why they get nothing. */
export interface ShownRecord {
  readonly channel: string;
  readonly event: string;
  readonly data: string;
  /** The envelope of `?meta=1`. */
  readonly meta: { readonly key: string | null; readonly headers: object; readonly data: string };
}

export function shownRecord(
  topic: Topic,
  record: Partial<Omit<LogRecord, 'value'>> & { readonly value: string | Buffer | null },
): ShownRecord | string {
  const value = typeof record.value === 'string' ? Buffer.from(record.value) : record.value;
  const written = { offset: 7n, timestampMs: 0, key: null, headers: [], ...record, value };
  const entry = encodeRecord('the-id', written, 0, { topic: topic.name, partition: 3 }, topic, 1 << 20);
  if ('leftOut' in entry) return entry.leftOut;
  if ('until' in entry) return 'waiting';
  const texts: { event: string; data: string }[] = [];
  const decoder = createFrameDecoder({
    onEvent: ({ event, data }) => texts.push({ event, data }),
  });
  decoder.push(entry.bytes.toString());
  decoder.push(encodeWithMeta(entry, entry.event, entry.origin).bytes.toString());
  const [plain, withMeta] = texts;
  return { channel: entry.channel, ...plain!, meta: JSON.parse(withMeta!.data) };
}
