import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Hub } from '../hub/hub';
import type { OpenStreams } from '../sse/open-streams';
import type { SseStream } from '../sse/sse-stream';
import type { StreamOrder, StreamSelection } from './stream-selection';
import { streamStateOf } from './stream-state';

/** One stream; times are Unix seconds. */
export interface AdminConnection {
  readonly request_path: string;
  /** Its channels, with commas in between; empty while it is not known where it begins. */
  readonly namespace: string;
  readonly created_at: number;
  readonly client_ip: string;
  readonly user_agent: string;
  /** Events, without the gateway's own notices at the beginning of a stream. */
  readonly msgs_sent: number;
  /** Bytes that the kernel has not taken yet. */
  readonly buffered_bytes: number;
  /** Records of the log that were read and that it has yet to be given or to pass over. */
  readonly behind: number;
  /**
   * `starting`: it is being found out where it begins; `live`: gets what comes, together with the others; `replaying`:
   * gets its past; `blocked`: its client takes less than comes.
   */
  readonly state: 'starting' | 'live' | 'replaying' | 'blocked';
}

/** Times are Unix seconds. */
export interface AdminStatus {
  readonly node: string;
  /** `OK`, or the first readiness check that fails. */
  readonly status: string;
  readonly reported_at: number;
  readonly startup_time: number;
  /** Events that went to whoever was subscribed, those read into the ring at start included. */
  readonly msgs_broadcast: number;
  /** Of which `connections` are those that were asked for. */
  readonly connections_total: number;
  readonly connections: readonly AdminConnection[];
}

export interface AdminStatusDeps {
  readonly hub: Pick<Hub, 'sentTo' | 'recordsBehind' | 'stats'>;
  readonly streams: Pick<OpenStreams, 'count' | 'snapshot'>;
  readonly node: string;
  readonly health: () => string;
  /** Streams after which the event loop gets its turn. */
  readonly streamsPerTurn: number;
}

export type ReportAdminStatus = (selection: StreamSelection) => Promise<AdminStatus>;

interface Candidate {
  readonly stream: SseStream;
  readonly weight: number;
}

/** The state of this process, with the streams that deserve a look, found in one walk over many turns. */
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
      state: shownStateOf(stream),
    };
  }

  return async ({ limit, sort }) => {
    const weightOf = weights[sort];
    const best: Candidate[] = [];
    for (const [i, stream] of (limit === 0 ? [] : streams.snapshot()).entries()) {
      if (stream.isOpen) consider(best, { stream, weight: weightOf(stream) }, limit);
      if ((i + 1) % deps.streamsPerTurn === 0) await nextTurn();
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

/** For people the ring and the log are one past. */
function shownStateOf(stream: SseStream): AdminConnection['state'] {
  const state = streamStateOf(stream);
  return state === 'catching_up' || state === 'backfilling' ? 'replaying' : state;
}

/** Keeps the `limit` heaviest in order: cheaper than sorting all of them for the few that are shown. */
function consider(best: Candidate[], candidate: Candidate, limit: number): void {
  if (best.length === limit && !outweighs(candidate, best[limit - 1]!)) return;
  let low = 0;
  let high = best.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (outweighs(candidate, best[middle]!)) high = middle;
    else low = middle + 1;
  }
  best.splice(low, 0, candidate);
  if (best.length > limit) best.pop();
}

/** Of equals the older one stands first, so that a page that refreshes itself stays calm. */
function outweighs(a: Candidate, b: Candidate): boolean {
  if (a.weight !== b.weight) return a.weight > b.weight;
  return a.stream.openedAtMs < b.stream.openedAtMs;
}
