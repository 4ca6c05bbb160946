import type { Socket } from 'node:net';
import type { Grant } from '../auth/grant';
import type { Config } from '../config';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import type { Logger } from '../logger';
import { gapData, ownEvent } from '../wire/own-event';
import type { Notice } from './claims';
import type { OpenStreams, ResumeResult, StreamCounts } from './open-streams';
import type { OutageNotice } from './outage-notice';
import type { Resolution, Resume } from './resume';
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

export interface StreamOpeningDeps {
  readonly hub: Hub;
  readonly streams: OpenStreams;
  readonly resume: Resume;
  readonly counts: StreamCounts;
  readonly config: Config['streams'];
  readonly retryMs: RetryTime;
  readonly outageNotice: OutageNotice;
  readonly idOf: (positions: Positions) => string;
  /** False until ids can be written and judged. */
  readonly isReady: () => boolean;
  readonly whenReady: () => Promise<void>;
  readonly admission: Pick<StreamAdmission, 'opened' | 'closed'>;
  readonly tokenExpiry: Pick<TokenExpiry, 'watch'>;
  readonly logger: Logger;
}

/** A request that gets a stream. */
export interface AdmittedStream {
  readonly head: StreamHead;
  readonly query: StreamQuery;
  readonly origin: StreamOrigin;
  readonly grant: Grant;
}

/** Begins a stream on its socket: the head at once, then its past or what comes, as soon as it is known which. */
export type OpenStream = (socket: Socket, admitted: AdmittedStream) => void;

export function createStreamOpening(deps: StreamOpeningDeps): OpenStream {
  const { hub, streams, resume, counts, config, retryMs, outageNotice, idOf, admission } = deps;

  const streamDeps: SseStreamDeps = {
    maxBufferBytes: config.maxClientBufferBytes,
    lingerMs: config.slowGraceMs,
    retryText: ({ idFirst }, code, positions) =>
      ownEvent('gateway.retry', { code }, { id: positions && idOf(positions), retryMs: retryMs(), idFirst }),
    caughtUpText: (stream, positions, replayed) =>
      ownEvent('gateway.live', { replayed }, { id: idOf(positions), idFirst: stream.idFirst }) +
      outageNotice.textFor(stream),
    onDrained: ({ subscriber }) => subscriber !== null && hub.onWritable(subscriber),
    onClose: (stream, reason) => {
      streams.remove(stream, reason);
      admission.closed(stream.origin.clientIp);
      if (stream.subscriber !== null) hub.unsubscribe(stream.subscriber);
    },
  };

  /** The first bytes of a stream. @param id of its start; null: not known yet, or told in what follows */
  function openingOf({ origin, idFirst, heartbeatMs }: SseStream, id: string | null): string {
    // document 000 wants its two line ends on `/sse`; elsewhere a blank line would end a block without data.
    const comment = origin.requestPath === '/sse' ? ':ok\n\n' : ':ok\n';
    return comment + ownEvent('gateway.open', { heartbeatMs }, { id, retryMs: retryMs(), idFirst });
  }

  /** The id of a stream's start; null when notices are due first, whose ids cover what they tell. */
  function startIdOf({ start, notices }: Resolution): string | null {
    if (notices.length > 0) return null;
    return idOf(start.at === 'floor' ? start.floor : hub.ring.positions);
  }

  function noticesTextOf({ notices }: Resolution, { idFirst }: SseStream): string {
    return notices
      .map((notice) => {
        const options = { id: idOf(notice.positions), idFirst };
        return notice.event === 'gateway.gap'
          ? ownEvent(notice.event, gapData(notice.gap), options)
          : ownEvent(notice.event, { reason: notice.reason, topics: notice.topics }, options);
      })
      .join('');
  }

  function countResume({ start, notices }: Resolution): void {
    if (start.at === 'head') return;
    for (const notice of notices)
      if (notice.event === 'gateway.gap') counts.resumeLost += Number(notice.gap.to - notice.gap.from);
    counts.resumes[resultOf(start.floor, notices)]++;
  }

  function resultOf(floor: Positions, [notice]: readonly Notice[]): ResumeResult {
    if (notice !== undefined) return notice.event === 'gateway.gap' ? 'gap' : 'reset';
    return hub.ring.seqAfter(floor) === null ? 'log' : 'ring';
  }

  function attach(stream: SseStream, { subscription }: StreamQuery, resolution: Resolution): void {
    countResume(resolution);
    stream.subscriber = hub.subscribe(subscription, stream, resolution.start);
    // The ring may have gone on while the log was asked; from a floor the hub finds the place by itself.
    if (!stream.isOpen) hub.unsubscribe(stream.subscriber);
  }

  /** The log has to be reached or asked first: the stream is open meanwhile. */
  async function attachLater(
    stream: SseStream,
    query: StreamQuery,
    asked: Promise<Resolution | null>,
  ): Promise<void> {
    const resolution = await asked;
    if (resolution === null || !stream.isOpen) return;
    const id = startIdOf(resolution);
    const { idFirst } = stream;
    const position = id === null ? '' : ownEvent('gateway.position', {}, { id, idFirst });
    stream.writeText(position + noticesTextOf(resolution, stream) + outageNotice.textFor(stream));
    attach(stream, query, resolution);
  }

  function begin(stream: SseStream, head: string, query: StreamQuery): void {
    const isOpen = () => stream.isOpen;
    const resolve = () => resume.resolve(query.start, query.subscription, isOpen);
    const found = deps.isReady() ? resolve() : deps.whenReady().then(() => (isOpen() ? resolve() : null));
    if (!(found instanceof Promise)) {
      const opening = openingOf(stream, startIdOf(found)) + noticesTextOf(found, stream);
      stream.open(head, opening + outageNotice.textFor(stream));
      attach(stream, query, found);
      return;
    }
    stream.open(head, openingOf(stream, null) + outageNotice.textFor(stream));
    attachLater(stream, query, found).catch((error: unknown) => {
      deps.logger.error({ err: error }, 'a stream could not begin');
      stream.destroy('error');
    });
  }

  return (socket, { head, query, origin, grant }) => {
    const { idFirst } = query.subscription;
    const heartbeatMs = query.heartbeatMs ?? config.heartbeatMs;
    const stream = new SseStream(streamDeps, {
      socket,
      chunked: head.chunked,
      origin,
      channels: query.subscription.channels,
      idFirst,
      heartbeatMs,
    });
    streams.add(stream);
    admission.opened(origin.clientIp);
    if (grant.expiresAtMs !== null) deps.tokenExpiry.watch(stream, grant.expiresAtMs);
    begin(stream, head.text, query);
  };
}
