import { CompressionCodecs, CompressionTypes, type KafkaMessage } from 'kafkajs';
import type { LogRecord, RecordHeader } from '../../event-log';
import { type Codec, createCodecs } from '../protocol/codecs';

/** kafkajs's own consumer reads gzip only, and stops for good at any other batch; this gives it all codecs. */
export function registerCodecs(): void {
  const codecs = createCodecs();
  const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes;
  for (const type of [GZIP, Snappy, LZ4, ZSTD] as const) {
    const decompress: Codec = codecs.get(type)!;
    CompressionCodecs[type] = () => ({
      compress: () => Promise.reject(new Error('the gateway compresses nothing')),
      decompress: async (compressed: Buffer) => decompress(compressed),
    });
  }
}

/** What kafkajs's own consumer reads, as the log port has it. */
export function logRecordOf({ offset, timestamp, key, value, headers = {} }: KafkaMessage): LogRecord {
  const list: RecordHeader[] = [];
  for (const [name, values] of Object.entries(headers)) {
    // Null is not in kafkajs's types, but in Kafka's records.
    for (const text of [values].flat() as (Buffer | string | null | undefined)[]) {
      list.push({ key: name, value: typeof text === 'string' ? Buffer.from(text) : (text ?? null) });
    }
  }
  return { offset: BigInt(offset), timestampMs: Number(timestamp), key, value, headers: list };
}
