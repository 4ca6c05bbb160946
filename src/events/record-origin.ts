import { isUtf8 } from 'node:buffer';
import type { LogRecord, RecordHeader, TopicPartition } from '../eventlog/event-log';
import type { UnmappedReason } from './channel-mapping';
import type { RecordEvent, UndecodableReason } from './record-event';
import { keyText } from './record-key';
import type { Topic } from './topic-map';

/** A header's text, in the order of the record where its name comes more than once; null is a header without a value. */
export type HeaderText = string | null | readonly (string | null)[];

/** Where a record came from: what `?meta=1` shows. Holds copies only, nothing of the response it was read from. */
export interface RecordOrigin extends TopicPartition {
  readonly offset: bigint;
  readonly timestampMs: number;
  /** As text; base64 when it is not of the topic's type. */
  readonly key: string | null;
  readonly headers: Readonly<Record<string, HeaderText>>;
  /** What is base64: `key`, `data`, `headers.<name>`, the latter for all values of that name. */
  readonly base64: readonly string[];
  /** Why `gateway.undecodable` stands for the record; null when it is shown itself. Not part of the envelope. */
  readonly undecodable: UndecodableReason | null;
  /** Why it is on the topic's base for want of a channel of its own; null when it has one. Not part of the envelope. */
  readonly unmapped: UnmappedReason | null;
}

/** About what an origin takes besides its texts. */
const OVERHEAD_BYTES = 168;
const NOTHING: readonly string[] = Object.freeze([]);
const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

/** @param isDataBase64 whether the event's data is base64, as in topics whose values are not text */
export function originOf(
  record: LogRecord,
  at: TopicPartition,
  { key: keyType, shows }: Pick<Topic, 'key' | 'shows'>,
  isDataBase64: boolean,
  { reason, unmapped }: Pick<RecordEvent, 'reason' | 'unmapped'>,
): RecordOrigin {
  const { headers, binary } = headerTexts(shows.headers ? record.headers : NO_HEADERS);
  const keyBytes = shows.key ? record.key : null;
  const key = keyBytes === null ? null : keyText(keyBytes, keyType);
  const isKeyBinary = keyBytes !== null && key === null;
  let base64 = NOTHING;
  if (isKeyBinary || isDataBase64 || binary.length > 0) {
    const names = binary.map((name) => `headers.${name}`);
    base64 = [...(isKeyBinary ? ['key'] : []), ...names, ...(isDataBase64 ? ['data'] : [])];
  }
  return {
    topic: at.topic,
    partition: at.partition,
    offset: record.offset,
    timestampMs: record.timestampMs,
    key: key ?? keyBytes?.toString('base64') ?? null,
    headers,
    base64,
    undecodable: reason,
    unmapped,
  };
}

/** About what the origin of this record takes. */
export function originBytes({ key, headers }: LogRecord): number {
  let bytes = OVERHEAD_BYTES + (key?.length ?? 0);
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}

/** What `?meta=1` wraps around an event's data. */
export function envelopeOf(origin: RecordOrigin, data: string): object {
  const { topic, partition, offset, timestampMs, key, headers, base64 } = origin;
  // Kafka's times have 64 bits, a number in JSON has 53.
  const timestamp = Number.isSafeInteger(timestampMs) ? timestampMs : null;
  const place = { topic, partition, offset: String(offset), timestamp, key, headers };
  return base64.length === 0 ? { ...place, data } : { ...place, base64, data };
}

interface HeaderTexts {
  readonly headers: Record<string, HeaderText>;
  /** Names of those that are base64. */
  readonly binary: readonly string[];
}

function headerTexts(list: readonly RecordHeader[]): HeaderTexts {
  const headers: Record<string, HeaderText> = {};
  const binary: string[] = [];
  for (const { key: name, value } of list) {
    if (Object.hasOwn(headers, name)) return repeatedHeaderTexts(list);
    const isBinary = value !== null && !isUtf8(value);
    if (isBinary) binary.push(name);
    setHeader(headers, name, value?.toString(isBinary ? 'base64' : 'utf8') ?? null);
  }
  return { headers, binary };
}

/** As `headerTexts`, where some name comes more than once: one mark speaks for all values of a name. */
function repeatedHeaderTexts(list: readonly RecordHeader[]): HeaderTexts {
  const byName = new Map<string, (Buffer | null)[]>();
  for (const { key: name, value } of list) {
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [value]);
    else values.push(value);
  }
  const headers: Record<string, HeaderText> = {};
  const binary: string[] = [];
  for (const [name, values] of byName) {
    const isBinary = values.some((value) => value !== null && !isUtf8(value));
    if (isBinary) binary.push(name);
    const texts = values.map((value) => value?.toString(isBinary ? 'base64' : 'utf8') ?? null);
    setHeader(headers, name, texts.length === 1 ? texts[0]! : texts);
  }
  return { headers, binary };
}

/** Assigning would lose `__proto__`, which any producer may write. */
function setHeader(headers: Record<string, HeaderText>, name: string, value: HeaderText): void {
  if (name === '__proto__')
    Object.defineProperty(headers, name, { value, enumerable: true, configurable: true });
  else headers[name] = value;
}
