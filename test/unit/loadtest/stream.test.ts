import { parseLoadConfig } from '../../../loadtest/src/config.ts';
import { createEventReaders } from '../../../loadtest/src/event-reader.ts';
import type { FailureStage } from '../../../loadtest/src/failure.ts';
import type { EventFigures, StreamFigures } from '../../../loadtest/src/figures.ts';
import type { SseModule, SseParams, SseResponse, SseStats } from '../../../loadtest/src/sse-api.ts';
import { createStream } from '../../../loadtest/src/stream.ts';
import { windowOf } from '../../../loadtest/src/window.ts';
import { type Connection, createFakeXk6 } from '../../support/xk6-sse';

const START_MS = 1_000_000;
const ENV = { CONNECTIONS: '10', RAMP: '10s', HOLD: '100s', RAMP_DOWN: '10s' };
/** With `random` 0 a stream closes at the end of the hold. */
const CLOSE_AT_MS = START_MS + 110_000;

/** Figures that are only written down. */
function recorder() {
  const seen = {
    attempts: [] as boolean[],
    opened: [] as [number, number][],
    failed: [] as [FailureStage, number][],
    messages: [] as string[],
    latencies: [] as number[],
    skews: 0,
    lost: 0,
    duplicates: 0,
    reconnects: 0,
  };
  const figures: StreamFigures & EventFigures = {
    attempts: (good, bad) => void seen.attempts.push(...Array(good).fill(true), ...Array(bad).fill(false)),
    opened: (responseMs, firstEventMs) => void seen.opened.push([responseMs, firstEventMs]),
    failed: (stage, count, message) => {
      seen.failed.push([stage, count]);
      seen.messages.push(message);
    },
    latency: (ms) => void seen.latencies.push(ms),
    clockSkew: () => void seen.skews++,
    lost: (events) => {
      seen.lost += events;
    },
    duplicate: () => void seen.duplicates++,
    reconnected: () => void seen.reconnects++,
  };
  return { seen, figures };
}

function tick(date: number, times: number): string {
  return JSON.stringify({ payload: { date, times } });
}

/** One stream on the fake xk6-sse, attempt after attempt until none is left. */
function run(connections: readonly Connection[], env: Record<string, string> = {}) {
  const config = parseLoadConfig({ ...ENV, ...env });
  const fake = createFakeXk6(connections, START_MS);
  const { seen, figures } = recorder();
  const stream = createStream({
    sse: fake.sse,
    config,
    window: windowOf(config.plan, START_MS),
    figures,
    url: 'http://gateway/events',
    createReader: createEventReaders(figures),
    now: fake.now,
    random: () => 0,
    onEvent: null,
  });
  const pauses: number[] = [];
  for (;;) {
    const pauseMs = stream.attempt();
    if (pauseMs === null) return { seen, pauses, fake };
    pauses.push(pauseMs);
    fake.wait(pauseMs);
  }
}

/** Ends a test's connection when the stream is to be closed. */
const FOREVER = { afterMs: 10_000_000, ends: true } as const;
const RETRY_LINE = { afterMs: 2, id: 'start' } as const;
const COMMENT = { afterMs: 0, comment: 'ok' } as const;
const LIVE = { afterMs: 0, name: 'gateway.live', data: '{"replayed":1}' } as const;

describe('a stream on xk6-sse', () => {
  it('counts as open with its first event, not with the lines that every stream begins with', () => {
    const { seen, fake } = run([
      { acts: [COMMENT, RETRY_LINE, { afterMs: 40, id: 'a', data: tick(0, 1) }, FOREVER] },
    ]);
    expect(seen.attempts).toEqual([true]);
    expect(seen.opened).toEqual([[0, 42]]);
    expect(seen.failed).toEqual([]);
    expect(fake.hung()).toBe(0);
    expect(fake.now()).toBe(CLOSE_AT_MS);
  });

  it('does not take the gateway’s own events for events', () => {
    const { seen } = run([{ acts: [RETRY_LINE, LIVE, FOREVER] }]);
    expect(seen.attempts).toEqual([false]);
    expect(seen.failed).toEqual([['silent', 1]]);
  });

  it('measures deliveries after gateway.live and during the hold only', () => {
    const { seen } = run([
      {
        acts: [
          { afterMs: 1, data: tick(START_MS - 5_000, 1) },
          LIVE,
          { afterMs: 1_000, data: tick(START_MS + 900, 2) },
          { afterMs: 19_000, data: tick(START_MS + 20_000, 3) },
          { afterMs: 1_000, data: tick(START_MS + 22_000, 4) },
          FOREVER,
        ],
      },
    ]);
    expect(seen.latencies).toEqual([1]);
    expect(seen.skews).toBe(1);
  });

  it('measures nothing of a replay, and everything of a stream that begins now', () => {
    const acts = [{ afterMs: 20_000, data: tick(START_MS + 19_990, 1) }, FOREVER];
    expect(run([{ acts }]).seen.latencies).toEqual([]);
    expect(run([{ acts }], { FROM: 'none' }).seen.latencies).toEqual([10]);
  });

  it('counts gaps and repeats over all connections', () => {
    const { seen } = run([
      {
        acts: [
          { afterMs: 1, data: tick(0, 1) },
          { afterMs: 1, data: tick(0, 4) },
          { afterMs: 1, ends: true },
        ],
      },
      { acts: [{ afterMs: 1, data: tick(0, 4) }, { afterMs: 1, data: tick(0, 6) }, FOREVER] },
    ]);
    expect(seen.lost).toBe(3);
    expect(seen.duplicates).toBe(1);
  });

  it('connects again with Last-Event-ID when the stream ends or breaks', () => {
    const { seen, fake, pauses } = run([
      {
        acts: [
          { afterMs: 1, id: 'a\r', data: tick(0, 1) },
          { afterMs: 1, id: 'b' },
          { afterMs: 1, ends: true },
        ],
      },
      {
        acts: [
          { afterMs: 1, id: 'c', data: tick(0, 2) },
          { afterMs: 1, breaks: 'unexpected EOF' },
        ],
      },
      { acts: [{ afterMs: 1, data: tick(0, 3) }, FOREVER] },
    ]);
    expect(fake.requests.map(({ headers }) => headers)).toEqual([
      {},
      { 'Last-Event-ID': 'b' },
      { 'Last-Event-ID': 'c' },
    ]);
    expect(seen.attempts).toEqual([true, true, true]);
    expect(seen.opened).toHaveLength(1);
    expect(seen.reconnects).toBe(2);
    expect(seen.failed).toEqual([
      ['stream', 1],
      ['stream', 1],
    ]);
    expect(seen.messages).toEqual(['', 'unexpected EOF']);
    for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(1_000);
    expect(fake.hung()).toBe(0);
  });

  it('does not count a break as an error in a storm', () => {
    const ends = {
      acts: [
        { afterMs: 1, id: 'a', data: tick(0, 1) },
        { afterMs: 1, ends: true },
      ],
    } as const;
    const { seen } = run([ends, { acts: [{ afterMs: 1, data: tick(0, 2) }, FOREVER] }], {
      SCENARIO: 'storm',
    });
    expect(seen.failed).toEqual([]);
    expect(seen.reconnects).toBe(1);
  });

  it('stays away after its end without RECONNECT', () => {
    const { pauses } = run(
      [
        {
          acts: [
            { afterMs: 1, data: tick(0, 1) },
            { afterMs: 1, ends: true },
          ],
        },
      ],
      {
        RECONNECT: 'off',
      },
    );
    expect(pauses).toEqual([]);
  });

  it.each<[FailureStage, Connection]>([
    ['connect', { refused: 'Get "http://gateway/events": dial tcp: connection refused' }],
    [
      'status',
      {
        status: 503,
        headers: { 'Content-Type': 'application/problem+json' },
        acts: [{ afterMs: 1, ends: true }],
      },
    ],
    ['status', { headers: { 'Content-Type': 'text/html' }, acts: [{ afterMs: 1, ends: true }] }],
    [
      'unavailable',
      {
        headers: { 'Content-Type': 'text/event-stream', 'X-Sse-Unavailable': '1' },
        acts: [RETRY_LINE, { afterMs: 1, ends: true }],
      },
    ],
    ['unavailable', { acts: [RETRY_LINE, { afterMs: 1, ends: true }] }],
  ])('waits longer and longer after failures: %s', (stage, connection) => {
    const failures = 4;
    const { seen, pauses, fake } = run([
      ...Array.from({ length: failures }, () => connection),
      { acts: [{ afterMs: 1, data: tick(0, 1) }, FOREVER] },
    ]);
    expect(seen.failed).toEqual(Array.from({ length: failures }, () => [stage, 1]));
    expect(seen.attempts).toEqual([...Array.from({ length: failures }, () => false), true]);
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(fake.hung()).toBe(0);
  });

  it('counts a stream as silent that stays open without events to its end', () => {
    const { seen, pauses } = run([{ acts: [RETRY_LINE, FOREVER] }]);
    expect(seen.failed).toEqual([['silent', 1]]);
    expect(pauses).toEqual([]);
  });

  it('calls for each event when it reads slowly', () => {
    const config = parseLoadConfig(ENV);
    const fake = createFakeXk6([{ acts: [RETRY_LINE, { afterMs: 1, data: tick(0, 1) }, FOREVER] }], START_MS);
    let reads = 0;
    createStream({
      sse: fake.sse,
      config,
      window: windowOf(config.plan, START_MS),
      figures: recorder().figures,
      url: 'http://gateway/events',
      createReader: createEventReaders(recorder().figures),
      now: fake.now,
      random: () => 0,
      onEvent: () => void reads++,
    }).attempt();
    expect(reads).toBe(2);
  });
});

describe('a stream on the bundled module', () => {
  /** Takes one call, and answers as if it had made the connections. */
  function native(stats: Partial<SseStats>, response: Partial<SseResponse> = {}, durationMs = 110_000) {
    const config = parseLoadConfig(ENV);
    const { seen, figures } = recorder();
    let nowMs = START_MS;
    let asked: SseParams | null = null;
    const handled: string[] = [];
    const sse: SseModule = {
      open(_url, params, setup) {
        asked = params;
        setup({
          native: true,
          on(name: string, handler: (argument: never) => void) {
            handled.push(name);
            nowMs += 3;
            if (name === 'open') handler(undefined as never);
          },
          close: () => undefined,
        });
        nowMs = START_MS + durationMs;
        return {
          status: 200,
          headers: { 'Content-Type': 'text/event-stream' },
          error: '',
          stats: { connects: 1, reconnects: 0, firstEventMs: 7, lastEventId: 'z', ...stats },
          ...response,
        };
      },
    };
    const pauseMs = createStream({
      sse,
      config,
      window: windowOf(config.plan, START_MS),
      figures,
      url: 'http://gateway/events',
      createReader: null,
      now: () => nowMs,
      random: () => 0,
      onEvent: null,
    }).attempt();
    return { seen, pauseMs, asked: asked as SseParams | null, handled };
  }

  it('leaves reading, measuring and reconnecting to the module', () => {
    const { asked, handled, pauseMs } = native({});
    expect(handled).not.toContain('event');
    expect(asked?.native).toEqual({
      reconnect: true,
      closeAtMs: CLOSE_AT_MS,
      latency: 'payload.date',
      latencyFromMs: START_MS + 10_000,
      latencyToMs: CLOSE_AT_MS,
      afterLive: true,
      sequence: 'payload.times',
    });
    expect(pauseMs).toBeNull();
  });

  it('counts an open stream once', () => {
    const { seen } = native({});
    expect(seen.attempts).toEqual([true]);
    expect(seen.opened).toEqual([[3, 7]]);
    expect(seen.failed).toEqual([]);
  });

  it('counts breaks, and connects that failed in between', () => {
    const { seen } = native({ connects: 2, reconnects: 3 });
    expect(seen.attempts).toEqual([true, true, false, false]);
    expect(seen.failed).toEqual([
      ['stream', 1],
      ['connect', 2],
    ]);
  });

  it('counts each connect that never brought an event', () => {
    const refused = native(
      { connects: 0, reconnects: 4, firstEventMs: null },
      { status: 0, error: 'refused' },
    );
    expect(refused.seen.attempts).toEqual([false, false, false, false, false]);
    expect(refused.seen.failed).toEqual([['connect', 5]]);
    expect(refused.seen.messages).toEqual(['refused']);
    const once = native({ connects: 0, firstEventMs: null }, { status: 0, error: 'refused' });
    expect(once.seen.failed).toEqual([['connect', 1]]);
    const noAnswer = native({ connects: 0, firstEventMs: null }, { status: 0 });
    expect(noAnswer.seen.failed).toEqual([['silent', 1]]);
    const sentAway = native({ connects: 3, reconnects: 2, firstEventMs: null });
    expect(sentAway.seen.failed).toEqual([['unavailable', 3]]);
    const silent = native({ firstEventMs: null });
    expect(silent.seen.failed).toEqual([['silent', 1]]);
  });

  it('retries after an answer that ends an EventSource for good', () => {
    const { seen, pauseMs } = native({ connects: 0, firstEventMs: null }, { status: 503 }, 50);
    expect(seen.failed).toEqual([['status', 1]]);
    expect(pauseMs).toBe(1_000);
  });
});
