import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { GatewayError } from '../../src/errors';
import { parseTarget } from '../../src/http/request-target';
import { startRequestOf } from '../../src/sse/stream-query';

function since(value: string): unknown {
  const start = startRequestOf(undefined, parseTarget(`/sse?since=${value}`).query);
  return start.from === 'time' ? new Date(start.timeMs).toISOString() : start;
}

function faultOf(value: string): string {
  try {
    return `taken as ${since(value)}`;
  } catch (error) {
    if (error instanceof GatewayError) return `${error.code} ${error.details.field}: ${error.message}`;
    throw error;
  }
}

/** `?since=2026-11-21T10:00:00` meant another moment on each gateway, by the zone of its machine. */
describe('?since=', () => {
  it.each([
    ['2026-11-21T10:00:00', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21T10:00', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21%2010:00:00', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21', '2026-11-21T00:00:00.000Z'],
    ['2026-11-21T10:00:00Z', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21t10:00:00.25z', '2026-11-21T10:00:00.250Z'],
    ['2026-11-21T10:00:00%2B02:00', '2026-11-21T08:00:00.000Z'],
    // A client that does not encode the plus sends a blank.
    ['2026-11-21T10:00:00+02:00', '2026-11-21T08:00:00.000Z'],
    ['2026-11-21T10:00:00-0530', '2026-11-21T15:30:00.000Z'],
    ['1795255200000', '2026-11-21T10:00:00.000Z'],
    ['0', '1970-01-01T00:00:00.000Z'],
  ])('%s is %s', (value, time) => expect(since(value)).toBe(time));

  it.each([
    'yesterday',
    '',
    'Nov 21 2026',
    '2026/11/21',
    '2026-13-01',
    '2026-11-21T25:00',
    '1969-12-31',
    '1e12',
    '-5',
  ])('%j is refused', (value) =>
    expect(faultOf(value)).toMatch(/^bad-request since: since must be a time as 2026-/),
  );

  it('is refused in seconds, which would be a day in January 1970', () =>
    expect(faultOf('1795255200')).toBe(
      'bad-request since: since must be in milliseconds: 1795255200000, if 1795255200 are seconds',
    ));

  it('means the same on a machine of any zone', () => {
    const root = join(__dirname, '../..');
    const program = `
      const { parseTarget } = require('${root}/dist/src/http/request-target');
      const { startRequestOf } = require('${root}/dist/src/sse/stream-query');
      const { query } = parseTarget('/sse?since=2026-11-21T10:00:00');
      process.stdout.write(String(startRequestOf(undefined, query).timeMs));`;
    const times = ['UTC', 'Asia/Tokyo', 'America/New_York'].map((TZ) =>
      execFileSync(process.execPath, ['-e', program], { env: { ...process.env, TZ }, encoding: 'utf8' }),
    );
    expect(times).toEqual(Array(3).fill('1795255200000'));
  });
});
