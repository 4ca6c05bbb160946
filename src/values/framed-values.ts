import type { SchemaFile } from '../config/topic-settings';
import { avroReader } from './avro-schema';
import { ByteReader } from './byte-reader';
import { decodedBy, type JsonValue, type ValueDecoder, ValueError, type ValueOptions } from './decoded';
import { parseJson } from './json-values';
import { bareProtobufReader, protobufReader } from './protobuf-values';
import type { FramedReader, RegisteredSchema, SchemaRegistry } from './schema-registry';

/** A zero and the schema's id in four bytes stand before the value: Confluent's wire format. */
const MAGIC = 0;
const HEADER_BYTES = 5;

/** Values whose schemas are in a registry: Avro, Protobuf or JSON, as their schemas are. */
export function createFramedDecoder(registry: SchemaRegistry, options: ValueOptions): ValueDecoder {
  return {
    decode(bytes) {
      if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC)
        return { kind: 'undecodable', reason: 'not-framed', schemaId: null };
      const schemaId = bytes.readUInt32BE(1);
      const found = registry.find(schemaId);
      if (found.kind === 'unusable') return { kind: 'undecodable', reason: found.reason, schemaId };
      if (found.kind === 'pending')
        return { kind: 'waiting', schemaId, detail: registry.status().detail, until: found.until };
      return decodedBy(() => whole(found.read, new ByteReader(bytes, HEADER_BYTES, options)), schemaId);
    },
  };
}

/** Values of one schema, without a frame. @throws ValueError `bad-schema` */
export function createFileDecoder({ type, text }: SchemaFile, options: ValueOptions): ValueDecoder {
  const read = type === 'avro' ? avroReader(text) : bareProtobufReader(text);
  return { decode: (bytes) => decodedBy(() => whole(read, new ByteReader(bytes, 0, options)), null) };
}

function whole(read: FramedReader, reader: ByteReader): JsonValue {
  const value = read(reader);
  if (!reader.isAtEnd) throw new ValueError('malformed', 'bytes follow the value');
  return value;
}

/** The reader of a schema. @throws ValueError `bad-schema` */
export function compileSchema({ type, text, references }: RegisteredSchema): FramedReader {
  switch (type) {
    case 'AVRO':
      if (isBareBytes(text)) return (reader) => reader.rest().toString('base64');
      return avroReader(
        text,
        references.map((reference) => reference.text),
      );
    case 'JSON':
      // The schema says nothing of how the bytes are to be read.
      return (reader) => parseJson(reader.rest(), reader.options);
    case 'PROTOBUF':
      return protobufReader(text, references);
  }
}

/** Serializers write a value that is nothing but bytes without its length. */
function isBareBytes(text: string): boolean {
  return /^\s*("bytes"|bytes|\{\s*"type"\s*:\s*"bytes"\s*\})\s*$/.test(text);
}
