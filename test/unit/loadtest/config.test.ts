import { parseLoadConfig } from '../../../loadtest/src/config.ts';
import { k6Options } from '../../../loadtest/src/options.ts';
import { roomCount, streamUrl } from '../../../loadtest/src/stream-url.ts';

describe('the load test’s configuration', () => {
  it('is the standard run without any variable', () => {
    const { plan, limits } = parseLoadConfig({});
    expect(plan.stages).toEqual([
      { durationMs: 120_000, target: 1_000 },
      { durationMs: 120_000, target: 5_000 },
      { durationMs: 120_000, target: 10_000 },
      { durationMs: 300_000, target: 50_000 },
      { durationMs: 120_000, target: 50_000 },
      { durationMs: 120_000, target: 0 },
    ]);
    expect(plan).toMatchObject({ holdFromMs: 660_000, holdToMs: 780_000, endMs: 900_000 });
    expect(limits).toMatchObject({
      successRate: 0.95,
      errors: 500,
      responseP95Ms: 5_000,
      firstEventP95Ms: 3_000,
    });
  });

  it('allows one error in a hundred connections, and never more than 500', () => {
    const errors = (CONNECTIONS: string) => parseLoadConfig({ CONNECTIONS }).limits.errors;
    expect(['1', '200', '20000', '50000', '100000'].map(errors)).toEqual([1, 2, 200, 500, 500]);
  });

  it('names every variable that is wrong, at once', () => {
    const faulty = {
      URL: 'localhost:8080',
      STREAM_PATH: 'events',
      FROM: 'yesterday',
      CONNECTIONS: 'many',
      HOLD: '2 minutes',
      RAMP: '-1s',
      RECONNECT: 'maybe',
      SCENARIO: 'soak',
      SHARDS: '0',
      SUCCESS_RATE: 'x',
    };
    const names = Object.keys(faulty);
    let message = '';
    try {
      parseLoadConfig(faulty);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const name of names) expect(message).toMatch(new RegExp(`^  ${name}[ :]`, 'm'));
  });

  it.each(['2m', '2m:', '2m:ten', 'x:5', '1m:5,,1m:0', '1m:0', '1m:10,1m:0'])(
    'refuses STAGES=%s',
    (STAGES) => {
      expect(() => parseLoadConfig({ STAGES })).toThrow(/STAGES: /);
    },
  );

  it('takes stages as they are given, and finds where they hold', () => {
    const { plan } = parseLoadConfig({ STAGES: '10s:5, 1m30s:100,20s:100,500ms:100,5s:0' });
    expect(plan).toMatchObject({ connections: 100, holdFromMs: 100_000, holdToMs: 120_500, endMs: 125_500 });
  });

  it('makes one even way up of RAMP', () => {
    const { plan } = parseLoadConfig({ CONNECTIONS: '200', RAMP: '5s', HOLD: '10s', RAMP_DOWN: '0s' });
    expect(plan.stages.map(({ target }) => target)).toEqual([200, 200, 0]);
    expect(plan.endMs).toBe(15_000);
  });

  it('spreads the streams over several addresses', () => {
    const config = parseLoadConfig({ URL: 'http://a:1/,http://b:2', CHANNEL: '/pets,/höfe', FROM: 'none' });
    expect([1, 2, 3].map((stream) => streamUrl(config, stream))).toEqual([
      'http://b:2/events?channel=%2Fpets&channel=%2Fh%C3%B6fe',
      'http://a:1/events?channel=%2Fpets&channel=%2Fh%C3%B6fe',
      'http://b:2/events?channel=%2Fpets&channel=%2Fh%C3%B6fe',
    ]);
  });

  it('spares fast readers the large events that slow ones get', () => {
    const config = parseLoadConfig({ SCENARIO: 'slow', CONNECTIONS: '100' });
    const urls = Array.from({ length: 100 }, (_, i) => streamUrl(config, i + 1));
    expect(urls.filter((url) => !url.endsWith('/events?from=-1&event=message'))).toEqual(
      Array.from({ length: 5 }, () => 'http://localhost:8080/events?from=-1'),
    );
  });

  it('puts six streams in a room', () => {
    const config = parseLoadConfig({ SCENARIO: 'rooms', CONNECTIONS: '13', FROM: 'none' });
    const urls = Array.from({ length: 13 }, (_, i) => streamUrl(config, i + 1));
    expect(urls[5]).toBe('http://localhost:8080/subscribe/rooms/r-0');
    expect(urls[6]).toBe('http://localhost:8080/subscribe/rooms/r-1');
    expect(new Set(urls).size).toBe(roomCount(13));
    expect(Object.keys(k6Options(config).scenarios)).toEqual(['sse', 'posts']);
  });
});

describe('k6’s options', () => {
  it('let each stream leave by its own clock, and k6 wait for it', () => {
    const config = parseLoadConfig({ CONNECTIONS: '10', RAMP: '1s', HOLD: '2s', RAMP_DOWN: '3s' });
    const { sse } = k6Options(config).scenarios;
    expect(sse).toMatchObject({
      executor: 'ramping-vus',
      stages: [
        { duration: '1000ms', target: 10 },
        { duration: '2000ms', target: 10 },
        { duration: '3000ms', target: 0 },
      ],
      gracefulRampDown: '13000ms',
    });
  });
});
