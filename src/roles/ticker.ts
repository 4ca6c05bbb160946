import { randomUUID } from 'node:crypto';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { EventLog } from '../eventlog/event-log';
import { recordOf } from '../events/record-event';
import type { TopicMap } from '../events/topic-map';
import type { Logger } from '../logger';
import { ROOT_CHANNEL } from '../wire/channel';

interface TickerDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly config: Config['ticker'];
  readonly logger: Logger;
}

export interface Ticker {
  stop(): void;
}

/**
 * Appends timestamp events at an interval, for the load test and for trying the gateway out. They are numbered without
 * gaps as they are stored, so that a missing number is an event lost in delivery. One append at a time; one with an
 * unknown outcome is repeated with the same idempotency key until its outcome is known.
 */
export function startTicker({ log, topics, config, logger }: TickerDeps): Ticker {
  const name = randomUUID();
  let stored = 0;
  let isBusy = false;
  /** Data of the append whose outcome is unknown. */
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
    if (record instanceof GatewayError)
      throw new Error('the ticker needs a topic with the base channel /', { cause: record });
    const [result] = await log.append([record]);
    if (result?.ok === false) failed(result.error, data);
    else succeeded();
  }

  function failed(error: Error, data: Buffer): void {
    const mayBeStored = error instanceof GatewayError && error.code === 'outcome-unknown';
    // Once it may be stored, a later rejection does not mean that it is not.
    if (mayBeStored) unknown = data;
    missed++;
    // Only the first failure in a row: an unreachable Kafka would flood the logs.
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
