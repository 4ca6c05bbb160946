import type { KafkaMessage } from 'kafkajs';
import { logRecordOf, registerCodecs } from '../../../../../src/eventlog/kafka/cluster/group';
import { expectedRecord, recordSet } from '../../../../support/fixtures/record-sets';

const KafkajsDecoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => object;
/** How kafkajs's consumer reads the records of one partition in a fetch answer. */
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  decoder: object,
) => Promise<KafkaMessage[]>;

describe("kafkajs's own consumer", () => {
  beforeAll(registerCodecs);

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'reads what the Java client wrote with %s',
    async (name) => {
      const records = recordSet(name);
      const size = Buffer.alloc(4);
      size.writeInt32BE(records.length);
      const messages = await decodeMessages(new KafkajsDecoder(Buffer.concat([size, records])));
      expect(messages.length).toBeGreaterThan(100);
      expect(messages.map(logRecordOf)).toEqual(messages.map((_, i) => expectedRecord(i)));
    },
  );
});
