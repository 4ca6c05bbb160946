import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const docs = join(__dirname, '../../docs');

interface PartSchema {
  readonly enum?: readonly string[];
}

/** The table of parts in docs/topics.md, beside the schema that editors use, which is made of the code. */
it('docs/topics.md has each part of TOPICS_FILE, with the words that it may be', () => {
  const schema = JSON.parse(readFileSync(join(docs, 'topics.schema.json'), 'utf8'));
  const { properties, required } = schema.properties.topics.items;
  const document = readFileSync(join(docs, 'topics.md'), 'utf8');
  const [, table = ''] = /\| part \| values \| meaning \|\n\|[-|]+\n((?:\|.*\n)+)/.exec(document) ?? [];
  const rows = table
    .trim()
    .split('\n')
    .map((row) => row.split(/(?<!\\) ?\| ?/).slice(1));
  const told = rows.map(([part, words]) => [part, words!.split(', ').filter((word) => word !== '')]);
  const known = Object.entries<PartSchema>(properties).map(([part, { enum: words = [] }]) => [
    `\`${part}\``,
    words.map((word) => `\`${word}\``),
  ]);
  expect(told).toEqual(known);
  expect(required).toEqual(['name']);
});
