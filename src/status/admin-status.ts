import { fieldError } from '../errors';
import type { Hub } from '../hub/hub';
import type { OpenStreams } from '../sse/open-streams';
import type { SseStream } from '../sse/sse-stream';
import type { AdminConnection, AdminStatus } from './admin-report';
import { inTurns, streamPhaseOf } from './snapshot';

interface AdminStatusDeps {
  readonly hub: Pick<Hub, 'sentTo' | 'recordsBehind' | 'stats'>;
  readonly streams: Pick<OpenStreams, 'count' | 'snapshot'>;
  readonly node: string;
  readonly health: () => string;
  /** Streams after which the walk yields to the event loop. */
  readonly streamsPerTurn: number;
}

export type ReportAdminStatus = (selection: StreamSelection) => Promise<AdminStatus>;

interface Candidate {
  readonly stream: SseStream;
  readonly weight: number;
}

/** The state of this gateway, with the selected streams, found in one walk over many turns of the event loop. */
export function createAdminStatus(deps: AdminStatusDeps): ReportAdminStatus {
  const { hub, streams } = deps;
  const startedAtMs = Date.now();

  const weights: Record<StreamOrder, (stream: SseStream) => number> = {
    age: ({ openedAtMs }) => -openedAtMs,
    buffered: ({ bufferedBytes }) => bufferedBytes,
    behind: behindOf,
  };

  function behindOf({ subscriber }: SseStream): number {
    return subscriber === null ? 0 : hub.recordsBehind(subscriber);
  }

  function connectionOf(stream: SseStream): AdminConnection {
    const { subscriber, origin } = stream;
    return {
      request_path: origin.requestPath,
      namespace: subscriber?.audience.subscription.channels.join(',') ?? '',
      created_at: seconds(stream.openedAtMs),
      client_ip: origin.clientIp,
      user_agent: origin.userAgent,
      msgs_sent: subscriber === null ? 0 : hub.sentTo(subscriber),
      buffered_bytes: stream.bufferedBytes,
      behind: behindOf(stream),
      phase: streamPhaseOf(stream),
    };
  }

  return async ({ limit, sort }) => {
    const weightOf = weights[sort];
    let best: Candidate[] = [];
    for await (const some of inTurns(limit === 0 ? [] : streams.snapshot(), deps.streamsPerTurn)) {
      const open = some.filter(({ isOpen }) => isOpen);
      const more = open.map((stream) => ({ stream, weight: weightOf(stream) }));
      best = [...best, ...more].sort(heaviestFirst).slice(0, limit);
    }
    return {
      node: deps.node,
      status: deps.health(),
      reported_at: seconds(Date.now()),
      startup_time: seconds(startedAtMs),
      msgs_broadcast: hub.stats().published,
      connections_total: streams.count,
      connections: best.filter(({ stream }) => stream.isOpen).map(({ stream }) => connectionOf(stream)),
    };
  };
}

function seconds(timeMs: number): number {
  return Math.floor(timeMs / 1_000);
}

/** Among equals the older one comes first, so that rows do not jump when the page refreshes. */
function heaviestFirst(a: Candidate, b: Candidate): number {
  return b.weight - a.weight || a.stream.openedAtMs - b.stream.openedAtMs;
}

/** The streams shown are the oldest ones, the ones with the most unsent bytes, or the ones furthest behind. */
const STREAM_ORDERS = ['age', 'buffered', 'behind'] as const;
export type StreamOrder = (typeof STREAM_ORDERS)[number];

interface StreamSelection {
  readonly limit: number;
  readonly sort: StreamOrder;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/**
 * @param limit the query's `limit`, from 0 to 1000; null: 100
 * @param sort the query's `sort`; null: `age`
 * @throws GatewayError `bad-request`
 */
export function streamSelectionOf(limit: string | null, sort: string | null): StreamSelection {
  const count = limit === null ? DEFAULT_LIMIT : /^\d{1,4}$/.test(limit) ? Number(limit) : -1;
  if (count < 0 || count > MAX_LIMIT)
    throw fieldError('bad-request', 'limit', `limit must be from 0 to ${MAX_LIMIT}`);
  const order = sort === null ? 'age' : STREAM_ORDERS.find((name) => name === sort);
  if (order === undefined)
    throw fieldError('bad-request', 'sort', `sort must be one of ${STREAM_ORDERS.join(', ')}`);
  return { limit: count, sort: order };
}
