import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = join(__dirname, '../..');
const SRC = join(ROOT, 'src');

/** A room imports rooms before it only. CONTRIBUTING.md tells the same. */
const ORDER = [
  'wire',
  'config',
  'http',
  'hub',
  'eventlog',
  'values',
  'auth',
  'events',
  'sse',
  'ingest',
  'roles',
  'status',
  'operator',
  'parts',
];
/** Rooms that know less than the order lets them. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  hub: ['wire'],
  eventlog: ['config'],
  values: ['config'],
  // Run in browsers, and take only what needs nothing else, see below.
  web: ['wire', 'status'],
  client: ['wire'],
};
const TOP_FOR_ROOMS = ['backoff', 'config', 'errors', 'logger', 'nearest-name', 'slabs', 'version'];

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [...text.matchAll(/(?:from|require\()\s*'([^']+)'/g)].map((match) => match[1]!);
}

function localImports(file: string): string[] {
  return importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(SRC, resolve(join(SRC, dirname(file)), name)));
}

/** @throws for a room that has no place in the order */
function mayImport(room: string): readonly string[] {
  const own = MAY_IMPORT[room];
  if (own !== undefined) return [room, ...own];
  const place = ORDER.indexOf(room);
  if (place < 0) throw new Error(`src/${room} has no place in the order of imports`);
  return ORDER.slice(0, place + 1);
}

describe('imports point one way', () => {
  it.each(files.filter((file) => file.includes('/')))('%s', (file) => {
    const room = file.split('/')[0]!;
    for (const imported of localImports(file)) {
      if (imported.includes('/')) expect(mayImport(room)).toContain(imported.split('/')[0]!);
      else expect(TOP_FOR_ROOMS).toContain(imported);
    }
  });

  it('CONTRIBUTING.md tells the order', () => {
    expect(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')).toContain(`\`${ORDER.join(' → ')}\``);
  });

  it('express is in src/operator only, prom-client in src/status, kafkajs in src/eventlog/kafka/cluster only', () => {
    for (const file of files) {
      for (const name of importsOf(file)) {
        if (name === 'express') expect(file).toMatch(/^operator\//);
        if (name === 'prom-client') expect(file).toMatch(/^status\//);
        if (name.startsWith('kafkajs')) expect(file).toMatch(/^eventlog\/kafka\/cluster\//);
      }
    }
  });

  it('the bytes of Kafka’s protocol know nothing of the gateway', () => {
    for (const file of files.filter((name) => name.startsWith('eventlog/kafka/protocol/'))) {
      for (const name of importsOf(file)) expect(name).toMatch(/^(\.\/|node:|fzstd$)/);
    }
  });

  it.each([
    ['client', ['wire/frame-decoder.ts', 'wire/gateway-events.ts']],
    ['web', ['status/admin-report.ts', 'wire/gateway-events.ts']],
  ])('src/%s takes of the gateway only %j, which need nothing else', (room, shared) => {
    const taken = files.filter((file) => file.startsWith(`${room}/`)).flatMap(localImports);
    expect([...new Set(taken.filter((name) => !name.startsWith(`${room}/`)))].sort()).toEqual(shared);
    for (const file of shared) expect(importsOf(file)).toEqual([]);
  });

  it('only main.ts uses process', () => {
    for (const file of files.filter((name) => name !== 'main.ts')) {
      expect(readFileSync(join(SRC, file), 'utf8')).not.toMatch(
        /\bprocess\.(env|argv|exit|on|once|stdout|stderr)\b/,
      );
    }
  });
});
