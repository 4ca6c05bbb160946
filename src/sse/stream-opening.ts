import type { Socket } from 'node:net';
import type { Grant } from '../auth/grant';
import type { Config } from '../config';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import type { Logger } from '../logger';
import { idLine, OPENING } from './frame';
import { type Notice, noticeData } from './notice';
import type { OpenStreams } from './open-streams';
import type { OutageNotice } from './outage-notice';
import { ownEvent } from './own-event';
import type { Resolution, Resume } from './resume';
import type { RetryTime } from './retry-time';
import { SseStream, type SseStreamDeps } from './sse-stream';
import type { StreamAdmission } from './stream-admission';
import type { ResumeResult, StreamCounts } from './stream-counts';
import type { StreamHead } from './stream-head';
import type { StreamOrigin } from './stream-origin';
import type { StreamQuery } from './stream-query';
import type { TokenExpiry } from './token-expiry';

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
    retryMs,
    caughtUpText: (stream, positions, replayed) =>
      ownEvent(idOf(positions), 'gateway.live', { replayed }) + outageNotice.textFor(stream),
    onDrained: ({ subscriber }) => subscriber !== null && hub.drained(subscriber),
    onClose: (stream, reason) => {
      streams.remove(stream, reason);
      admission.closed(stream.origin.clientIp);
      if (stream.subscriber !== null) hub.unsubscribe(stream.subscriber);
    },
  };

  /** What comes before the first event. A notice that is due first has the id, since the start covers what it tells. */
  function beginningOf({ start, notices }: Resolution, retry: string): string {
    if (notices.length === 0) {
      const positions = start.at === 'floor' ? start.floor : hub.ring.positions;
      return `${retry}${idLine(idOf(positions))}\n`;
    }
    const told = notices.map((notice) => ownEvent(idOf(notice.positions), notice.event, noticeData(notice)));
    return (retry === '' ? '' : `${retry}\n`) + told.join('');
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
    retry: string,
  ): Promise<void> {
    const resolution = await asked;
    if (resolution === null || !stream.isOpen) return;
    stream.writeText(beginningOf(resolution, retry) + outageNotice.textFor(stream));
    attach(stream, query, resolution);
  }

  function begin(stream: SseStream, head: string, query: StreamQuery): void {
    const retry = `retry: ${retryMs()}\n`;
    const isOpen = () => stream.isOpen;
    const isReady = deps.isReady();
    const resolve = () => resume.resolve(query.start, query.subscription, isOpen);
    const found = isReady ? resolve() : deps.whenReady().then(() => (isOpen() ? resolve() : null));
    if (!(found instanceof Promise)) {
      stream.open(head, OPENING + beginningOf(found, retry) + outageNotice.textFor(stream));
      attach(stream, query, found);
      return;
    }
    // While the log has never been reached, the client has to know at least when to come back.
    stream.open(head, (isReady ? OPENING : `${OPENING}${retry}\n`) + outageNotice.textFor(stream));
    attachLater(stream, query, found, isReady ? retry : '').catch((error: unknown) => {
      deps.logger.error({ err: error }, 'a stream could not begin');
      stream.destroy('error');
    });
  }

  return (socket, { head, query, origin, grant }) => {
    const stream = new SseStream(streamDeps, { socket, chunked: head.chunked, origin });
    streams.add(stream);
    admission.opened(origin.clientIp);
    if (grant.expiresAtMs !== null) deps.tokenExpiry.watch(stream, grant.expiresAtMs);
    begin(stream, head.text, query);
  };
}
