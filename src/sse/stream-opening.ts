import type { Socket } from 'node:net';
import type { Grant } from '../auth/grant';
import type { Config } from '../config';
import type { LogIds } from '../events/log-ids';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/positions';
import type { Logger } from '../logger';
import { ownEvent } from '../wire/own-event';
import type { Notice, Resolution } from './claims';
import type { OpenStreams, ResumeResult, StreamCounts } from './open-streams';
import type { OutageNotice } from './outage-notice';
import type { Resume } from './resume';
import {
  type RetryTime,
  SseStream,
  type SseStreamDeps,
  type StreamHead,
  type StreamOrigin,
} from './sse-stream';
import type { StreamAdmission } from './stream-admission';
import type { StreamQuery } from './stream-query';
import type { TokenExpiry } from './stream-rounds';

interface StreamOpeningDeps {
  readonly hub: Hub;
  readonly streams: OpenStreams;
  readonly resume: Resume;
  readonly ids: Pick<LogIds, 'idOf'>;
  readonly counts: StreamCounts;
  readonly config: Config['streams'];
  readonly retryMs: RetryTime;
  readonly outageNotice: OutageNotice;
  readonly admission: Pick<StreamAdmission, 'opened' | 'closed'>;
  readonly tokenExpiry: Pick<TokenExpiry, 'watch'>;
  readonly logger: Logger;
}

/** A request that gets a stream. */
interface AdmittedStream {
  readonly head: StreamHead;
  readonly query: StreamQuery;
  readonly origin: StreamOrigin;
  readonly grant: Grant;
}

/** Begins a stream on its socket: the head at once, events as soon as it is known where the stream begins. */
export type OpenStream = (socket: Socket, admitted: AdmittedStream) => void;

export function createStreamOpening(deps: StreamOpeningDeps): OpenStream {
  const { hub, streams, resume, counts, config, retryMs, outageNotice, admission, logger } = deps;
  const { idOf } = deps.ids;

  const streamDeps: SseStreamDeps = {
    maxBufferBytes: config.maxClientBufferBytes,
    lingerMs: config.slowGraceMs,
    idOf,
    retryMs,
    outageNotice,
    hub,
    onClose(stream, reason) {
      streams.remove(stream, reason);
      admission.closed(stream.origin.clientIp);
    },
  };

  /** The first bytes of a stream. @param id of its start; null: not known yet, or in the notices that follow */
  function openingOf({ origin, idFirst, heartbeatMs }: SseStream, id: string | null): string {
    // The contract of `/sse` wants two line ends; elsewhere a blank line would end a block without data.
    const comment = origin.requestPath === '/sse' ? ':ok\n\n' : ':ok\n';
    return comment + ownEvent('gateway.open', { heartbeatMs }, { id, retryMs: retryMs(), idFirst });
  }

  /** The id of a stream's start. Null when notices come first: they carry the id, since the start already lies past them. */
  function startIdOf({ start, notices }: Resolution, stream: SseStream): string | null {
    if (notices.length > 0) return null;
    return idOf(stream.channels, start.at === 'floor' ? start.floor : hub.ring.positions);
  }

  function noticesTextOf({ notices }: Resolution, stream: SseStream): string {
    const { idFirst } = stream;
    return notices
      .map(({ event, data, positions }) =>
        ownEvent(event, data, { id: idOf(stream.channels, positions), idFirst }),
      )
      .join('');
  }

  function countResume({ start, notices }: Resolution): void {
    if (start.at === 'head') return;
    for (const notice of notices) if (notice.event === 'gateway.gap') counts.resumeLost += notice.data.lost;
    counts.resumes[resultOf(start.floor, notices)]++;
  }

  function resultOf(floor: Positions, [notice]: readonly Notice[]): ResumeResult {
    if (notice !== undefined) return notice.event === 'gateway.gap' ? 'gap' : 'reset';
    return hub.ring.seqAfter(floor) === null ? 'log' : 'ring';
  }

  function attach(stream: SseStream, { subscription }: StreamQuery, resolution: Resolution): void {
    countResume(resolution);
    // The ring may have moved on while the event log was asked: the hub finds the place of a floor itself.
    stream.subscriber = hub.subscribe(subscription, stream, resolution.start);
    if (!stream.isOpen) hub.unsubscribe(stream.subscriber);
  }

  /** The event log has to answer first: the stream is open meanwhile. */
  async function attachLater(
    stream: SseStream,
    query: StreamQuery,
    asked: Promise<Resolution | null>,
  ): Promise<void> {
    const resolution = await asked;
    if (resolution === null || !stream.isOpen) return;
    const id = startIdOf(resolution, stream);
    const { idFirst } = stream;
    const position = id === null ? '' : ownEvent('gateway.position', {}, { id, idFirst });
    stream.writeText(position + noticesTextOf(resolution, stream) + outageNotice.textFor(stream));
    attach(stream, query, resolution);
  }

  function begin(stream: SseStream, head: string, query: StreamQuery): void {
    const found = resume.resolve(query.start, query.subscription, () => stream.isOpen);
    if (!(found instanceof Promise)) {
      const opening = openingOf(stream, startIdOf(found, stream)) + noticesTextOf(found, stream);
      stream.open(head, opening + outageNotice.textFor(stream));
      attach(stream, query, found);
      return;
    }
    stream.open(head, openingOf(stream, null) + outageNotice.textFor(stream));
    attachLater(stream, query, found).catch((error: unknown) => {
      logger.error({ err: error }, 'Stream failed to begin');
      stream.destroy('error');
    });
  }

  return (socket, { head, query, origin, grant }) => {
    const { channels, idFirst } = query.subscription;
    const heartbeatMs = query.heartbeatMs ?? config.heartbeatMs;
    const { chunked } = head;
    const stream = new SseStream(streamDeps, { socket, chunked, origin, channels, idFirst, heartbeatMs });
    streams.add(stream);
    admission.opened(origin.clientIp);
    if (grant.expiresAtMs !== null) deps.tokenExpiry.watch(stream, grant.expiresAtMs);
    begin(stream, head.text, query);
  };
}
