import { randomUUID } from 'node:crypto';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { EventLog } from '../eventlog/event-log';
import { recordOf } from '../events/record-event';
import type { TopicMap } from '../events/topic-map';
import type { Logger } from '../logger';
import { ROOT_CHANNEL } from '../wire/channel';

export interface TickerDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly config: Config['ticker'];
  readonly logger: Logger;
}

export interface Ticker {
  stop(): void;
}

/**
 * Appends the time to the log, again and again: the events of the benchmark and of the first try-out. Their number counts
 * those that the log has, so that a hole in it is an event that was lost on the way. One is stored after the other: none is
 * made while the last one is not answered, and one of unknown outcome is sent again, as the same event, until it is known.
 */
export function startTicker({ log, topics, config, logger }: TickerDeps): Ticker {
  const name = randomUUID();
  let stored = 0;
  let isBusy = false;
  /** May have been stored. */
  let unknown: Buffer | null = null;
  let isFailing = false;
  let missed = 0;
  let lastStoredMs = Date.now();

  function nextTick(): Buffer {
    const date = Date.now();
    const data =
      config.format === 'ms' ? String(date) : JSON.stringify({ payload: { date, times: stored + 1 } });
    return Buffer.from(data);
  }

  async function tick(): Promise<void> {
    const data = unknown ?? nextTick();
    const idempotencyKey = `tick-${name}-${stored + 1}`;
    const record = recordOf({ channel: ROOT_CHANNEL, event: null, data, key: null, idempotencyKey }, topics);
    if (record === null) throw new Error('no topic is served under /, so the ticker has nowhere to write');
    const [result] = await log.append([record]);
    if (result?.ok === false) failed(result.error, data);
    else succeeded();
  }

  function failed(error: Error, data: Buffer): void {
    const mayBeStored = error instanceof GatewayError && error.code === 'outcome-unknown';
    // Once it may be stored, a later refusal does not say that it is not.
    if (mayBeStored) unknown = data;
    missed++;
    // Only changes are told: a log that is away would fill ours.
    if (!isFailing) logger.warn({ err: error }, 'Ticker append failed');
    isFailing = true;
  }

  function succeeded(): void {
    stored++;
    unknown = null;
    const nowMs = Date.now();
    if (isFailing) logger.info({ missed, forMs: nowMs - lastStoredMs }, 'Ticker append recovered');
    isFailing = false;
    missed = 0;
    lastStoredMs = nowMs;
  }

  const timer = setInterval(() => {
    if (isBusy) {
      missed++;
      return;
    }
    isBusy = true;
    tick()
      .catch((error) => logger.error({ err: error }, 'Ticker failed'))
      .finally(() => {
        isBusy = false;
      });
  }, config.intervalMs);
  return { stop: () => clearInterval(timer) };
}
