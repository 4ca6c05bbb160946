import type { Config } from '../config';
import type { EventLog } from '../eventlog/event-log';
import { createFeed, type Feed } from '../events/feed';
import { createHistory, type HistoryReader } from '../events/history';
import { createLogIds, type LogIds } from '../events/log-ids';
import { entryWithMeta, type RecordEntry } from '../events/record-entry';
import type { TopicMap } from '../events/topic-map';
import type { PassReport } from '../hub/audience';
import { Hub } from '../hub/hub';
import type { Logger } from '../logger';

interface ReadingDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly config: Pick<Config, 'fanout' | 'replay'>;
  /** Pause before a failed read of history is tried again. */
  readonly retryMs: number;
  /** By how much the clocks of producers and brokers may differ from the gateway's. */
  readonly clockSkewMs: number;
  /** Connections accepted so far; unset: fan-out does not yield to new connections. */
  readonly accepts?: { readonly count: number };
  /** Called after each pass over the live streams of a subscription. Must not throw. */
  readonly onPass?: (pass: PassReport) => void;
  /** Called with each event published after the ring is warm. */
  readonly onEvent?: (event: RecordEntry) => void;
  /** A stream threw when it was written to, and was dropped. */
  readonly onStreamError: (error: unknown) => void;
  /** Unix time; unset: the system's. */
  readonly nowMs?: () => number;
  readonly logger: Logger;
}

/** From the event log to the hub: the tail into the ring, and history on request. */
export interface Reading {
  readonly ids: LogIds;
  readonly history: HistoryReader;
  readonly hub: Hub;
  readonly feed: Feed;
  close(): Promise<void>;
}

export function startReading(deps: ReadingDeps): Reading {
  const { log, topics, config, retryMs, accepts, onPass, onEvent, nowMs, logger } = deps;
  const {
    ring,
    writeBytes: sliceBytes,
    turnWrites: writesPerTurn,
    gather,
    maxFrameBytes,
    warmRecords,
  } = config.fanout;
  const ids = createLogIds(topics);
  const history = createHistory({
    log,
    topics,
    ids,
    config: config.replay,
    sliceBytes,
    maxFrameBytes,
    retryMs,
    logger,
  });
  const hub = new Hub({
    ring,
    sliceBytes,
    writesPerTurn,
    gather,
    ...(accepts && { accepted: () => accepts.count }),
    onSinkError: deps.onStreamError,
    withMeta: entryWithMeta,
    idLine: ids.idLine,
    lineInstead: ids.lineInstead,
    history,
    replay: config.replay,
    ...(onPass && { onPass }),
  });
  const feed = createFeed({
    hub,
    ids,
    topics,
    warmRecords,
    maxFrameBytes,
    clockSkewMs: deps.clockSkewMs,
    ...(nowMs && { nowMs }),
    ...(onEvent && { onEvent }),
    logger,
  });
  const tail = log.tail(feed);
  hub.holdBack(tail);
  return {
    ids,
    history,
    hub,
    feed,
    async close() {
      history.close();
      await tail.close();
      hub.close();
    },
  };
}
