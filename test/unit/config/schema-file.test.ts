import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, ConfigError, parseConfig } from '../../../src/config';
import { createServedTopics } from '../../../src/gateway';
import { jsonText } from '../../../src/values/json-text';

const directory = mkdtempSync(join(tmpdir(), 'schema-file-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function configOf(topic: string): Config {
  return parseConfig({ TOPICS_FILE: file('topics.yaml', `topics:\n  - { name: a, ${topic} }\n`) });
}

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.join();
    throw error;
  }
  return 'none';
}

function shown(topic: string, bytes: number[]): string {
  const decoder = createServedTopics(configOf(topic), null).byName('a').valueDecoder!;
  const decoded = decoder.decode(Buffer.from(bytes));
  return decoded.kind === 'value' ? jsonText(decoded.value) : JSON.stringify(decoded);
}

const AVRO = file('a.avsc', '{"type":"record","name":"A","fields":[{"name":"x","type":"long"}]}');
const PROTO = file('a.proto', 'syntax = "proto3"; message A { int64 x = 1; } message B { bool y = 1; }');

describe('values whose schema is in a file', () => {
  it('are JSON', () => {
    expect(shown(`value: avro, schemaFile: ${AVRO}`, [4])).toBe('{"x":2}');
    expect(shown(`value: avro, schemaFile: ${AVRO}, int64: string`, [4])).toBe('{"x":"2"}');
    expect(shown(`value: protobuf, schemaFile: ${PROTO}, fields: [x]`, [8, 2])).toBe('{"x":"2"}');
    expect(shown(`value: avro, schemaFile: ${AVRO}`, [4, 4])).toBe(
      '{"kind":"undecodable","reason":"malformed","schemaId":null}',
    );
  });

  it.each([
    ['value: avro', 'schemaFile: must name the schema of value: avro'],
    [`schemaFile: ${AVRO}`, 'schemaFile: is only for value: avro or protobuf'],
    ['value: avro, schemaFile: /none.avsc', 'schemaFile: cannot be read: '],
    ['int64: string', 'int64: is only for values with schemas'],
  ])('%s is a fault', (topic, fault) => {
    expect(faultOf(() => configOf(topic))).toContain(fault);
  });

  it('are a fault when the schema cannot be used', () => {
    const bad = file('bad.avsc', '{"type":"record"}');
    expect(faultOf(() => createServedTopics(configOf(`value: avro, schemaFile: ${bad}`), null))).toBe(
      `${bad} is no usable schema: a named type has no name`,
    );
    const empty = file('empty.proto', 'syntax = "proto3";');
    expect(
      faultOf(() => createServedTopics(configOf(`value: protobuf, schemaFile: ${empty}`), null)),
    ).toContain('it has no message');
  });
});
