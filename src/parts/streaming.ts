import type { SubscribeGuard } from '../auth/subscribe-guard';
import type { Config } from '../config';
import type { GatewayError } from '../errors';
import type { EventLog } from '../eventlog/event-log';
import type { Logger } from '../logger';
import { createStreamCounts, createStreamLog, OpenStreams, type StreamCounts } from '../sse/open-streams';
import { createOutageNotice, type LogTroubles } from '../sse/outage-notice';
import { createResume, type Resume } from '../sse/resume';
import { createRetryTime } from '../sse/sse-stream';
import { createStreamAdmission } from '../sse/stream-admission';
import { createStreamOpening } from '../sse/stream-opening';
import {
  createHeartbeat,
  createTokenExpiry,
  drainStreams,
  type Heartbeat,
  startStreamRounds,
} from '../sse/stream-rounds';
import { createStreamRoute, type StreamRoute } from '../sse/stream-route';
import type { Edge } from './edge';
import type { Reading } from './reading';

/** Ending a stream takes about as long as this many writes of an event. */
const CLOSE_WRITES = 10;

interface StreamingDeps {
  readonly reading: Pick<Reading, 'hub' | 'ids'>;
  readonly log: Pick<EventLog, 'bounds' | 'epochEnds'>;
  readonly edge: Pick<Edge, 'cors' | 'clientAddress' | 'onRejected'> & {
    readonly sockets: Pick<Edge['sockets'], 'take'>;
  };
  readonly config: {
    readonly streams: Config['streams'];
    readonly resume: Config['resume'];
    readonly turnWrites: number;
    readonly logLinesPerSecond: number;
    readonly noticeMs: number;
    /** Pauses before the event log is asked again: for partitions that an id knows, and after an outage. */
    readonly retryMinMs: number;
    readonly retryMaxMs: number;
  };
  /** Null: anyone may subscribe to anything. */
  readonly guard: SubscribeGuard | null;
  /** What of the event log cannot be read at the moment. */
  readonly troubles: () => LogTroubles;
  /** Base channel of a topic. */
  readonly baseOf: (topic: string) => string;
  readonly draining: () => GatewayError | null;
  readonly onStreamClosed?: (lifetimeMs: number) => void;
  readonly logger: Logger;
}

/** From a request for a stream to its end. */
export interface Streaming {
  readonly route: StreamRoute;
  readonly streams: OpenStreams;
  readonly counts: StreamCounts;
  readonly resume: Resume;
  readonly heartbeat: Heartbeat;
  /** From now on streams get heartbeats, and those that are slow or have expired are ended. */
  startRounds(): void;
  /** Ends all streams, spread over time. */
  drain(shutdown: Config['shutdown']): Promise<void>;
  close(): void;
}

export function createStreaming(deps: StreamingDeps): Streaming {
  const { reading, log, edge, config, troubles, baseOf, draining, logger } = deps;
  const { hub, ids } = reading;
  const { turnWrites } = config;
  const { checkMs } = config.streams;
  const streamLog = createStreamLog({
    logger,
    linesPerSecond: config.logLinesPerSecond,
    eventsOf: ({ subscriber }) => (subscriber === null ? 0 : hub.sentTo(subscriber)),
  });
  const streams = new OpenStreams({
    onOpen: streamLog.onOpen,
    onClose(stream, reason) {
      deps.onStreamClosed?.(Date.now() - stream.openedAtMs);
      streamLog.onClose(stream, reason);
    },
  });
  const counts = createStreamCounts();
  const tokenExpiry = createTokenExpiry({ noticeMs: config.noticeMs });
  const retryMs = createRetryTime(config.streams);
  const resume = createResume({
    ring: hub.ring,
    log,
    ids,
    config: config.resume,
    retryMs: config.retryMinMs,
    outageRetryMs: config.retryMaxMs,
  });
  const admission = createStreamAdmission({ hub, streams, config: config.streams, draining });
  const open = createStreamOpening({
    hub,
    streams,
    resume,
    ids,
    counts,
    config: config.streams,
    retryMs,
    outageNotice: createOutageNotice(troubles, baseOf),
    admission,
    tokenExpiry,
    logger,
  });
  const route = createStreamRoute({
    ...edge,
    counts,
    retryMs,
    admission,
    guard: deps.guard,
    limits: config.streams,
    resume,
    open,
  });
  const heartbeat = createHeartbeat({ hub, ids, counts, everyMs: checkMs });
  let rounds: { stop(): void } | null = null;

  return {
    route,
    streams,
    counts,
    resume,
    heartbeat,
    startRounds() {
      rounds ??= startStreamRounds({
        streams,
        heartbeat,
        tokenExpiry,
        config: config.streams,
        streamsPerTurn: turnWrites,
        onError: (error) => logger.error({ err: error }, 'Stream round failed'),
      });
    },
    drain({ drainMs, drainGapMs }) {
      const closesPerTurn = Math.ceil(turnWrites / CLOSE_WRITES);
      return drainStreams(streams, { drainMs, gapMs: drainGapMs, closesPerTurn });
    },
    close() {
      rounds?.stop();
      streamLog.stop();
    },
  };
}
