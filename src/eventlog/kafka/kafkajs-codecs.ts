import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { type Codec, createCodecs } from './codecs';

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
