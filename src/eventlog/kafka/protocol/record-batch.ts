import { crc32c } from './checksums';
import { type Codecs, corrupt, createCodecs, decompress, type Unreadable } from './codecs';
import type { AbortedTransaction } from './fetch-request';
import { hasRightChecksum, holdsOthers, MIN_MESSAGE_BYTES, readMessage } from './message';
import { decodeRecords, type KafkaRecord } from './record';

/** Offsets `from` (included) to `to` (excluded) that cannot be delivered. */
export interface RecordGap extends Unreadable {
  readonly from: bigint;
  readonly to: bigint;
}

/** Records that stand together, and the position after them. */
interface RecordRun {
  /** Ascending, from the fetch offset on; may be empty. */
  readonly records: readonly KafkaRecord[];
  readonly next: bigint;
  /** Of all that lies between the run before and `next`, `records` included. */
  readonly leaderEpoch: number;
  /** Of the batch of `records`; −1 for a producer without an id. */
  readonly producerId: bigint;
}

export interface DecodedRecords {
  /** Ascending, from the fetch offset on; control records and those of aborted transactions are left out. */
  readonly records: readonly KafkaRecord[];
  /** Position after the last complete batch of the first leader epoch, or after the gap that ends it; else the fetch offset. */
  readonly next: bigint;
  /** Of all that was read; −1 when it is not known. */
  readonly leaderEpoch: number;
  /** Ascending; no record lies in a gap, so records and gaps can be merged by offset. Neighbours are joined. */
  readonly gaps: readonly RecordGap[];
}

const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Before the first batch, and of the older message formats. */
const UNKNOWN_EPOCH = -1;
const NO_PRODUCER = -1n;

const ABORT_MARKER = 0;
const MAX_OFFSET = 2n ** 63n - 1n;

const ALL_CODECS = createCodecs();

/**
 * Reads the records that a Fetch answer holds for one partition, as a reader of committed records: batch by batch, in
 * log order, each when it is asked for. The last run says how far it came.
 *
 * The answer may begin with a batch that starts before `fetchOffset` and end with one that is cut short; the latter
 * is left for the next fetch. What cannot be read becomes a gap over exactly the batch concerned, and the batches
 * after it are read as usual: `codec` when its compression is unknown, fails or exceeds the codecs' limit; `corrupt`
 * when its checksum is wrong or its records are malformed. A corrupt batch may lie about its last offset: its gap ends
 * where the next batch begins, if there is one, and never beyond `logEnd` (the high watermark will do). A message of
 * the formats before Kafka 0.11 is a batch here, whether it holds others or stands alone.
 *
 * A header that makes no sense (impossible length, unknown version of the format) hides where the next batch begins.
 * Reading ends before it; when it comes first, one offset is given up as a `corrupt` gap, so that a reader that goes
 * on from `next` always gets past it and never in silence.
 */
export function* readRecordSet(
  recordSet: Buffer,
  fetchOffset: bigint,
  aborted: readonly AbortedTransaction[],
  codecs: Codecs = ALL_CODECS,
  logEnd: bigint = MAX_OFFSET,
): Generator<RecordRun | RecordGap, void> {
  const isHidden = hiddenBatches(aborted, codecs);
  let next = fetchOffset;
  let leaderEpoch = UNKNOWN_EPOCH;
  /** Up to where runs have told their leader epoch. */
  let told = fetchOffset;
  /** Held back, since the next batch may belong to it too. */
  let gap: RecordGap | null = null;

  /** Answers the gap before, when this one does not continue it. */
  const giveUp = (from: bigint, to: bigint, why: Unreadable): RecordGap[] => {
    next = to;
    const before = gap;
    const continues = before?.to === from && before.reason === why.reason;
    gap = continues ? { ...before, to } : { from, to, ...why };
    return before === null || continues ? [] : [before];
  };

  for (let at = 0; at + CRC_AT <= recordSet.length; ) {
    const place = batchAt(recordSet, at);
    if (place === null) {
      if (next === fetchOffset) yield* giveUp(next, next + 1n, corrupt('a header that makes no sense'));
      break;
    }
    if (place.end > recordSet.length) break;
    const batch = recordSet.subarray(at, place.end);
    at = place.end;

    const isMessage = place.magic < MAGIC;
    const lastOffset = isMessage
      ? place.offset
      : place.offset + BigInt(batch.readInt32BE(LAST_OFFSET_DELTA_AT));
    const to = lastOffset + 1n;
    if (to <= place.offset || !(isMessage ? hasRightChecksum(batch) : hasRightCrc32c(batch))) {
      const following = firstOffsetAt(recordSet, at);
      if (following !== null && following <= next) continue; // all of it lies before what was asked for
      // Nothing of its header can be trusted, so the gap takes in what may lie before it.
      yield* giveUp(next, clamp(following ?? to, next + 1n, logEnd), corrupt('a wrong checksum'));
      continue;
    }
    const hidden = !isMessage && isHidden(batch, lastOffset);
    if (to <= next) continue;
    const epoch = isMessage ? UNKNOWN_EPOCH : batch.readInt32BE(LEADER_EPOCH_AT);
    if (epoch !== leaderEpoch && next > told) {
      if (gap !== null) yield gap;
      gap = null;
      told = next;
      yield { records: [], next, leaderEpoch, producerId: NO_PRODUCER };
    }
    leaderEpoch = epoch;
    if (hidden) {
      next = to;
      continue;
    }
    const from = clamp(place.offset, next, MAX_OFFSET);
    const read = isMessage ? readMessage(batch, next, codecs) : readBatch(batch, place.offset, from, codecs);
    if ('reason' in read) {
      yield* giveUp(isMessage ? next : from, to, read);
    } else {
      if (gap !== null) yield gap;
      gap = null;
      next = to;
      told = to;
      const producerId = isMessage ? NO_PRODUCER : batch.readBigInt64BE(PRODUCER_ID_AT);
      yield { records: read, next, leaderEpoch, producerId };
    }
  }
  if (gap !== null) yield gap;
  yield { records: [], next, leaderEpoch, producerId: NO_PRODUCER };
}

/** What `readRecordSet` finds, up to where another leader epoch begins. */
export function decodeRecordSet(...recordSet: Parameters<typeof readRecordSet>): DecodedRecords {
  const runs: (readonly KafkaRecord[])[] = [];
  const gaps: RecordGap[] = [];
  const [, fetchOffset] = recordSet;
  let next = fetchOffset;
  let leaderEpoch = UNKNOWN_EPOCH;
  for (const found of readRecordSet(...recordSet)) {
    if ('reason' in found) {
      gaps.push(found);
      continue;
    }
    if (next > fetchOffset && found.leaderEpoch !== leaderEpoch) break;
    runs.push(found.records);
    ({ next, leaderEpoch } = found);
  }
  return { records: runs.flat(), next, leaderEpoch, gaps: gaps.filter(({ from }) => from < next) };
}

interface BatchPlace {
  /** First offset of a batch; of a message of the older formats its own or, when it holds others, their last. */
  readonly offset: bigint;
  readonly magic: number;
  /** Where it ends; may lie beyond the record set, for a batch that is cut short. */
  readonly end: number;
}

/** What stands at `at`; null when there is no header or it makes no sense. */
function batchAt(recordSet: Buffer, at: number): BatchPlace | null {
  if (at + CRC_AT > recordSet.length) return null;
  const offset = recordSet.readBigInt64BE(at);
  const length = recordSet.readInt32BE(at + LENGTH_AT);
  const magic = recordSet.readInt8(at + MAGIC_AT);
  if (offset < 0n || magic < 0 || magic > MAGIC) return null;
  if (length < (magic === MAGIC ? RECORDS_AT - BODY_AT : MIN_MESSAGE_BYTES)) return null;
  return { offset, magic, end: at + BODY_AT + length };
}

/** The first offset of what stands at `at`; null: nothing does, or a message that holds others, which says its last only. */
function firstOffsetAt(recordSet: Buffer, at: number): bigint | null {
  const place = batchAt(recordSet, at);
  if (place === null || (place.magic < MAGIC && holdsOthers(recordSet, at))) return null;
  return place.offset;
}

function hasRightCrc32c(batch: Buffer): boolean {
  return crc32c(batch, ATTRIBUTES_AT, batch.length) === batch.readUInt32BE(CRC_AT);
}

function readBatch(
  batch: Buffer,
  baseOffset: bigint,
  from: bigint,
  codecs: Codecs,
): readonly KafkaRecord[] | Unreadable {
  const count = batch.readInt32BE(COUNT_AT);
  if (count === 0) return []; // compaction keeps an empty batch for its producer's sequence
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  const bytes = decompress(codecs, attributes & CODEC_MASK, batch.subarray(RECORDS_AT));
  if ('reason' in bytes) return bytes;
  try {
    return decodeRecords(
      bytes,
      {
        baseOffset,
        lastOffsetDelta: batch.readInt32BE(LAST_OFFSET_DELTA_AT),
        count,
        baseTimestampMs: Number(batch.readBigInt64BE(BASE_TIMESTAMP_AT)),
        logAppendTimeMs: attributes & LOG_APPEND_TIME ? Number(batch.readBigInt64BE(MAX_TIMESTAMP_AT)) : null,
      },
      from,
    );
  } catch (error) {
    return corrupt(String(error));
  }
}

/**
 * Tells batch by batch, in log order, what is not for readers of committed records: control batches, and the batches
 * of a producer between the first offset of a transaction that it aborted and that transaction's abort marker.
 */
function hiddenBatches(
  aborted: readonly AbortedTransaction[],
  codecs: Codecs,
): (batch: Buffer, lastOffset: bigint) => boolean {
  const waiting = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? 1 : -1));
  const aborting = new Set<bigint>();
  return (batch, lastOffset) => {
    while (waiting.length > 0 && waiting.at(-1)!.firstOffset <= lastOffset) {
      aborting.add(waiting.pop()!.producerId);
    }
    const attributes = batch.readInt16BE(ATTRIBUTES_AT);
    if (attributes & CONTROL) {
      if (aborting.size > 0 && isAbortMarker(batch, codecs)) {
        aborting.delete(batch.readBigInt64BE(PRODUCER_ID_AT));
      }
      return true;
    }
    return (
      (attributes & TRANSACTIONAL) !== 0 &&
      aborting.size > 0 &&
      aborting.has(batch.readBigInt64BE(PRODUCER_ID_AT))
    );
  };
}

/** A control batch holds one record, whose key is a version and a type (int16 each). */
function isAbortMarker(batch: Buffer, codecs: Codecs): boolean {
  const read = readBatch(batch, 0n, 0n, codecs);
  const key = 'reason' in read ? null : read[0]?.key;
  return key != null && key.length >= 4 && key.readInt16BE(2) === ABORT_MARKER;
}

/** `most` yields to `least` when they contradict each other. */
function clamp(offset: bigint, least: bigint, most: bigint): bigint {
  const bounded = offset > most ? most : offset;
  return bounded < least ? least : bounded;
}

/**
 * Where the fields of a record batch's header are, in bytes from its start
 * (https://kafka.apache.org/documentation/#recordbatch). The first three places are common to all versions of the
 * format. The base offset, 0, is the first field.
 */
export const LENGTH_AT = 8;
/** What the length counts. */
export const BODY_AT = 12;
export const LEADER_EPOCH_AT = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
/** What the checksum covers, up to the end. */
export const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const BASE_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const COUNT_AT = 57;
export const RECORDS_AT = 61;

/** The version of the format. */
export const MAGIC = 2;
