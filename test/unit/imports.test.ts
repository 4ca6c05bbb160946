import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const SRC = join(__dirname, '../../src');

/** Which rooms a room may import, besides itself and the files at the top (config, errors, logger, nearest-name, slabs). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  auth: ['http', 'hub'],
  // The parts of src/config.ts, which is what the others import.
  config: ['auth', 'hub'],
  hub: [],
  eventlog: [],
  events: ['eventlog', 'hub', 'sse'],
  sse: ['auth', 'eventlog', 'hub', 'http'],
  ingest: ['auth', 'eventlog', 'events', 'http', 'hub', 'sse'],
  roles: ['eventlog', 'events', 'hub'],
  status: ['eventlog', 'events', 'hub', 'roles', 'sse'],
  http: ['auth', 'eventlog', 'hub', 'sse', 'status'],
  // Runs in browsers.
  web: [],
  // As well: the decoder and the types of the gateway's events, see below.
  client: ['sse'],
};
const TOP_FOR_ROOMS = ['config', 'errors', 'logger', 'lifecycle', 'nearest-name', 'slabs'];

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

describe('imports point one way', () => {
  it.each(files.filter((file) => file.includes('/')))('%s', (file) => {
    const room = file.split('/')[0]!;
    for (const imported of localImports(file)) {
      const target = imported.split('/')[0]!;
      if (imported.includes('/')) expect([room, ...MAY_IMPORT[room]!]).toContain(target);
      else expect(TOP_FOR_ROOMS).toContain(imported);
    }
  });

  it('express is in src/http only, prom-client in src/status, kafkajs in src/eventlog/kafka and the aggregator’s files', () => {
    for (const file of files) {
      for (const name of importsOf(file)) {
        if (name === 'express') expect(file).toMatch(/^http\//);
        if (name === 'prom-client') expect(file).toMatch(/^status\//);
        if (name.startsWith('kafkajs'))
          expect(file).toMatch(/^eventlog\/kafka\/|^roles\/(aggregator|group-membership)\.ts$/);
      }
    }
  });

  it('src/client takes nothing of the gateway but the decoder of frames and the types of its events, which need nothing else', () => {
    const taken = files.filter((file) => file.startsWith('client/')).flatMap(localImports);
    const shared = ['sse/frame-decoder.ts', 'sse/gateway-events.ts'];
    expect([...new Set(taken.filter((name) => !name.startsWith('client/')))].sort()).toEqual(shared);
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
