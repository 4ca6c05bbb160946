import { plainTopic } from '../../src/config/topic-settings';
import { GatewayError } from '../../src/errors';
import type { AppendResult, EventLog, NewRecord } from '../../src/eventlog/event-log';
import { createTopicMap } from '../../src/events/topic-map';
import { startTicker } from '../../src/roles/ticker';
import { createQuietLogger } from '../support/quiet-logger';
import { until } from '../support/until';

type Outcome = 'stored' | 'log-unavailable' | 'unknown, stored' | 'unknown, not stored' | 'never answered';

/** A log that answers each append in turn as it is told, and stores what it is told to. */
function scriptedLog(outcomes: readonly Outcome[]) {
  const stored: { times: number; date: number; key: string }[] = [];
  let appends = 0;
  let inFlight = 0;
  let most = 0;
  const append = async ([record]: readonly NewRecord[]): Promise<readonly AppendResult[]> => {
    const outcome = outcomes[appends++] ?? 'stored';
    most = Math.max(most, ++inFlight);
    if (outcome === 'never answered') return new Promise(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    inFlight--;
    if (outcome === 'stored' || outcome === 'unknown, stored') {
      const key = record!.headers.find((header) => header.key === 'idempotency-key')!.value!.toString();
      stored.push({ ...JSON.parse(record!.value.toString()).payload, key });
    }
    if (outcome === 'stored') return [{ ok: true, topic: 'a', partition: 0, offset: 0n }];
    const code = outcome === 'log-unavailable' ? outcome : 'outcome-unknown';
    return [{ ok: false, error: new GatewayError(code, outcome) }];
  };
  return { log: { append } as unknown as EventLog, stored, appends: () => appends, most: () => most };
}

function tickInto(outcomes: readonly Outcome[]) {
  const scripted = scriptedLog(outcomes);
  const logger = createQuietLogger();
  const topics = createTopicMap([plainTopic('a')]);
  const config = { intervalMs: 2, format: 'json' as const };
  const ticker = startTicker({ log: scripted.log, topics, config, logger });
  tickers.push(ticker);
  return { ...scripted, logger };
}

const tickers: { stop(): void }[] = [];
afterEach(() => {
  for (const ticker of tickers.splice(0)) ticker.stop();
});

/** Kafka frozen for 9 s: the load test told 1,800 lost events, though none that was stored was lost. */
describe('the number of a tick', () => {
  it('goes on after ticks that were rejected', async () => {
    const { stored } = tickInto(['stored', 'log-unavailable', 'log-unavailable', 'stored']);
    await until(() => stored.length >= 4, 'four ticks are stored');
    expect(stored.slice(0, 4).map(({ times }) => times)).toEqual([1, 2, 3, 4]);
  });

  it('is that of the same event, sent again, after an unknown outcome that was not stored', async () => {
    const { stored } = tickInto(['stored', 'unknown, not stored', 'log-unavailable', 'stored']);
    await until(() => stored.length >= 3, 'three ticks are stored');
    expect(stored.slice(0, 3).map(({ times }) => times)).toEqual([1, 2, 3]);
  });

  it('is that of the same event under the same idempotency key, after an unknown outcome that was stored', async () => {
    const { stored } = tickInto(['stored', 'unknown, stored', 'log-unavailable', 'stored']);
    await until(() => stored.length >= 4, 'four ticks are stored');
    expect(stored.slice(0, 4).map(({ times }) => times)).toEqual([1, 2, 2, 3]);
    expect(stored[2]).toEqual(stored[1]);
    expect(new Set(stored.map(({ key }) => key)).size).toBe(stored.length - 1);
  });

  it('waits for the answer to the one before it', async () => {
    const { appends, most, stored } = tickInto(['stored', 'stored', 'never answered']);
    await until(() => appends() === 3, 'the third is on its way');
    const { stored: others } = tickInto([]);
    await until(() => others.length > 10, 'time has passed for ten more');
    expect(appends()).toBe(3);
    expect(most()).toBe(1);
    expect(stored.map(({ times }) => times)).toEqual([1, 2]);
  });

  it('and how many were missed is logged when they are stored again', async () => {
    const outcomes: Outcome[] = [
      'stored',
      'log-unavailable',
      'log-unavailable',
      'unknown, not stored',
      'stored',
    ];
    const { logger, stored } = tickInto(outcomes);
    await until(() => stored.length >= 3, 'three ticks are stored');
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'Ticker append failed',
      'Ticker append recovered',
    ]);
    expect(logger.lines[1]!.fields).toEqual({ missed: expect.any(Number), forMs: expect.any(Number) });
    expect((logger.lines[1]!.fields as { missed: number }).missed).toBeGreaterThanOrEqual(3);
  });
});
