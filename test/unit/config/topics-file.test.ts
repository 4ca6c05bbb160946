import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigError, parseConfig } from '../../../src/config';

const folder = mkdtempSync(join(tmpdir(), 'topics-'));
const FILE = join(folder, 'topics.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

function topicsIn(text: string, env: Record<string, string> = {}) {
  writeFileSync(FILE, text);
  return parseConfig({ TOPICS_FILE: FILE, ...env }).topics;
}

function faultsIn(text: string, env: Record<string, string> = {}): readonly string[] {
  try {
    topicsIn(text, env);
  } catch (error) {
    return (error as ConfigError).faults.map((fault) => fault.replaceAll(FILE, 'topics.yaml'));
  }
  return [];
}

describe('TOPICS_FILE', () => {
  it('says all of a topic', () => {
    const [orders, plain] = topicsIn(`
topics:
  - name: orders
    channel: /orders/{key}/{value.items.0.sku}
    event: "order.{value.type}"
    key: int64
    value: json
    fields: [id, customer.name]
    where: value.status != "draft" && "eu" in headers
    unmapped: drop
  - { name: plain, channel: base }
`);
    expect(orders).toEqual({
      name: 'orders',
      base: '/orders',
      channel: {
        text: '/orders/{key}/{value.items.0.sku}',
        segments: ['orders', { from: 'key' }, { from: 'value', path: ['items', '0', 'sku'] }],
      },
      event: { text: 'order.{value.type}', parts: ['order.', { from: 'value', path: ['type'] }] },
      key: 'int64',
      value: 'json',
      schema: null,
      int64: 'number',
      fields: [['id'], ['customer', 'name']],
      where: {
        text: 'value.status != "draft" && "eu" in headers',
        asksFor: new Set(['value', 'headers']),
        matches: expect.any(Function),
      },
      unmapped: 'drop',
    });
    expect(plain).toEqual(parseConfig({ KAFKA_TOPICS: 'plain=/base' }).topics[0]);
  });

  it('reads values as JSON where something asks for a part of them', () => {
    const values = topicsIn(`
topics:
  - { name: a, channel: "/a/{value.x}" }
  - { name: b, event: "{value}" }
  - { name: c, fields: [x] }
  - { name: d, where: value.x == 1 }
  - { name: e, where: key == "x", channel: "/e/{key}" }
`).map(({ value }) => value);
    expect(values).toEqual(['json', 'json', 'json', 'json', 'utf8']);
  });

  it('says everything that is wrong at once, with its line and its place', () => {
    expect(
      faultsIn(`# the topics
topics:
  - name: a b
    channel: /x/{kye}
    key: int16
  - name: ok
    chanel: /ok
    fields:
      - a
      - b..c
  - channel: ""
    where: value.x ==
  - name: ok
    value: base64
    where: value.x == 1
    unmapped: drop
  - nothing
  - name: 7
    fields: []
other: 1
`),
    ).toEqual(
      [
        'topics.yaml:3: topics[0].name: is not a Kafka topic name',
        expect.stringContaining('topics.yaml:4: topics[0].channel: must have only {key}, {headers.NAME}, '),
        'topics.yaml:5: topics[0].key: must be one of utf8, int32, int64, uuid, hex, registry',
        'topics.yaml:7: topics[1].chanel: is not known here; there may be name, channel, event, key, value, schemaFile, int64, fields, where, unmapped',
        'topics.yaml:10: topics[1].fields[1]: is not a path such as a.b, but "b..c"',
        'topics.yaml:11: topics[2].name: must be text',
        'topics.yaml:11: topics[2].channel: must not be empty',
        expect.stringContaining('topics.yaml:12: topics[2].where: is not valid: '),
        'topics.yaml:14: topics[3].value: must be json or registry or avro or protobuf, because where asks for a part of it',
        'topics.yaml:16: topics[3].unmapped: is only for a channel with placeholders',
        'topics.yaml:17: topics[4]: must be a map with a name',
        'topics.yaml:18: topics[5].name: must be text',
        'topics.yaml:19: topics[5].fields: must name at least one field',
        'topics.yaml:20: other: is not known here; there may be topics',
      ].map((fault) => fault),
    );
  });

  it.each([
    ['topics: [', 'topics.yaml:1: is not YAML: '],
    ['topics:\n  - name: a\n    name: b', 'topics.yaml:3: is not YAML: '],
    ['', 'topics.yaml:1: must be a map with topics'],
    ['- name: a', 'topics.yaml:1: must be a map with topics'],
    ['topics: []', 'topics.yaml:1: topics: must have at least one topic'],
    ['topics:\n- name: a\n- name: a', 'topics.yaml:3: topics[1].name: is listed twice: a'],
  ])('%j is a fault', (text, fault) => {
    expect(faultsIn(text)).toEqual([expect.stringContaining(fault)]);
  });

  it.each([
    ['value.x ==', 'Unexpected token: EOF, at character 11'],
    ['value.x == nothing', 'Unknown variable: nothing, at character 12'],
    ['size(key)', 'must be true or false, but is int'],
    ['value.x.matches("(a+)+$")', 'must not use matches()'],
    [`value.x == "${'x'.repeat(2_000)}"`, 'must not be over 2000 characters'],
    [`${'('.repeat(200)}true${')'.repeat(200)}`, 'is not valid'],
  ])('where: %s is a fault', (where, words) => {
    const [fault, ...more] = faultsIn(`topics:\n  - name: a\n    where: ${JSON.stringify(where)}`);
    expect(fault).toMatch(/^topics.yaml:3: topics\[0\]\.where: /);
    expect(fault).toContain(words);
    expect(more).toEqual([]);
  });

  it('is not set together with KAFKA_TOPICS, and must be readable', () => {
    expect(faultsIn('topics: [{ name: a }]', { KAFKA_TOPICS: 'b' })).toEqual([
      'KAFKA_TOPICS and TOPICS_FILE must not be set together',
    ]);
    expect(() => parseConfig({ TOPICS_FILE: join(folder, 'none.yaml') })).toThrow(
      'TOPICS_FILE cannot be read: ',
    );
  });
});
