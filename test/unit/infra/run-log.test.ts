import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRunLog, matters } from '../../../infra/local/run-log';

describe('the log of a run', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'run-log-'));
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('keeps every line by process and prints what matters', async () => {
    const printed: string[] = [];
    const log = createRunLog({ parent, verbose: false, print: (line) => printed.push(line) });
    log.write('gateway-1', '{"level":30,"msg":"Listening"}');
    log.write('gateway-1', '{"level":50,"msg":"broken"}');
    log.write('ticker', '{"level":30,"msg":"Ticker started"}');
    await log.close();

    expect(readFileSync(join(log.directory, 'gateway-1.log'), 'utf8')).toBe(
      '{"level":30,"msg":"Listening"}\n{"level":50,"msg":"broken"}\n',
    );
    expect(readdirSync(log.directory).sort()).toEqual(['gateway-1.log', 'ticker.log']);
    expect(printed).toEqual(['gateway-1 | {"level":50,"msg":"broken"}']);
  });

  it('prints every line when asked to', async () => {
    const printed: string[] = [];
    const log = createRunLog({ parent, verbose: true, print: (line) => printed.push(line) });
    log.write('kafka', 'kafka 1: INFO fine');
    await log.close();
    expect(printed).toEqual(['kafka | kafka 1: INFO fine']);
  });

  it('removes the oldest runs', async () => {
    for (let day = 10; day < 30; day++) mkdirSync(join(parent, `2020-01-${day}T00-00-00-000Z-1`));
    const log = createRunLog({ parent, verbose: false, print: () => undefined });
    await log.close();
    const kept = readdirSync(parent).sort();
    expect(kept).toHaveLength(10);
    expect(kept[0]).toContain('2020-01-21');
    expect(join(parent, kept.at(-1)!)).toBe(log.directory);
  });

  it.each([
    ['gateway-1', '{"level":30,"msg":"x"}', false],
    ['gateway-1', '{"level":40,"msg":"x"}', true],
    ['ticker', "TypeError: Cannot read properties of undefined (reading 'x')", true],
    ['kafka', 'kafka 1: WARN NetworkClient: Connection to node 2 could not be established.', false],
    ['kafka', 'kafka 1: ERROR LogManager: disk full', true],
    ['nginx', '2026/01/01 00:00:00 [error] 1#1: *1 connect() failed (111: Connection refused)', false],
    ['nginx', 'nginx: [emerg] bind() to 0.0.0.0:8080 failed', true],
  ])('judges a line of %s: %s', (name, line, expected) => {
    expect(matters(name, line)).toBe(expected);
  });
});
