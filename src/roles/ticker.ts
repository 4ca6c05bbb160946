import type { Config } from '../config';
import type { EventLog } from '../eventlog/event-log';
import { recordOf } from '../events/record-event';
import type { TopicMap } from '../events/topic-map';
import { ROOT_CHANNEL } from '../hub/channel';
import type { Logger } from '../logger';

export interface TickerDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly config: Config['ticker'];
  readonly logger: Logger;
}

export interface Ticker {
  stop(): void;
}

/** Appends the time to the log, again and again: the events of the benchmark and of the first try-out. */
export function startTicker({ log, topics, config, logger }: TickerDeps): Ticker {
  let times = 0;
  let failing = false;

  async function tick(): Promise<void> {
    const date = Date.now();
    const data =
      config.format === 'ms' ? String(date) : JSON.stringify({ payload: { date, times: ++times } });
    const record = recordOf(
      { channel: ROOT_CHANNEL, event: null, data: Buffer.from(data), key: null },
      topics,
    );
    if (record === null) throw new Error('no topic is served under /, so the ticker has nowhere to write');
    const [result] = await log.append([record]);
    const error = result?.ok === false ? result.error : null;
    // Only changes are told: a log that is away would fill ours.
    if (error !== null && !failing) logger.warn({ err: error }, 'ticks are not stored');
    if (error === null && failing) logger.info({}, 'ticks are stored again');
    failing = error !== null;
  }

  const timer = setInterval(() => {
    tick().catch((error) => logger.error({ err: error }, 'the ticker failed'));
  }, config.intervalMs);
  return { stop: () => clearInterval(timer) };
}
