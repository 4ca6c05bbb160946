import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createFrameDecoder } from '../../src/wire/frame-decoder';

export interface SourceEvent {
  /** The last id that the source had after this event. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
  /** On which connection it came, from 1. */
  readonly connection: number;
  /** `performance.now()` when it was there. */
  readonly atMs: number;
}

export interface EventSourceOptions {
  /** Sent on the first connection too, as if the source had lived before. */
  readonly lastEventId?: string;
  /** The server's reconnection time is divided by it, so that tests need not wait as long as people. Default 1. */
  readonly retryDivisor?: number;
  /** Takes the events, which are then not kept. */
  readonly onEvent?: (event: SourceEvent) => void;
}

/** A source as the HTML standard §9.2 describes it, over real sockets: it comes back until it is refused for good. */
export interface TestEventSource {
  readonly url: string;
  readonly events: readonly SourceEvent[];
  /** What it would send as `Last-Event-ID` now. */
  readonly lastEventId: string;
  /** Connections that became a stream. */
  readonly connections: number;
  /** Connections that could not be made, or were cut or ended. */
  readonly breaks: number;
  /** True while it reads a stream whose first id has come. */
  readonly isOpen: boolean;
  /** Why it has given up for good, as a browser would have; null while it lives. */
  readonly failure: string | null;
  close(): void;
}

/** What browsers wait before the server has said anything (the standard: "probably in the region of a few seconds"). */
const FIRST_RETRY_MS = 3_000;

const open = new Set<TestEventSource>();

// Registered here, so that no test can forget it.
if (typeof afterEach === 'function') {
  afterEach(() => {
    for (const source of open) source.close();
  });
}

export function openEventSource(url: string, options: EventSourceOptions = {}): TestEventSource {
  const events: SourceEvent[] = [];
  const { retryDivisor = 1, onEvent: keep = (event) => events.push(event) } = options;
  let lastEventId = options.lastEventId ?? '';
  let retryMs = FIRST_RETRY_MS;
  let connections = 0;
  let breaks = 0;
  let isOpen = false;
  let failure: string | null = null;
  let isClosed = false;
  let current: ClientRequest | null = null;
  let timer: NodeJS.Timeout | null = null;

  function connect(): void {
    timer = null;
    const headers = {
      accept: 'text/event-stream',
      'cache-control': 'no-store',
      ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
    };
    const req = request(url, { headers, agent: false });
    current = req;
    let isOver = false;
    /** A network error and the end of the body are the same: come back. */
    const reestablish = () => {
      if (isOver) return;
      isOver = true;
      isOpen = false;
      if (isClosed || failure !== null) return;
      breaks++;
      timer = setTimeout(connect, retryMs / retryDivisor);
    };
    req.on('response', (res) => {
      res.on('end', reestablish).on('close', reestablish).on('error', reestablish);
      const fault = faultOf(res);
      if (fault === null) read(res);
      else fail(fault, req);
    });
    req.on('error', reestablish).on('close', reestablish).end();
  }

  function fail(fault: string, req: ClientRequest): void {
    failure = fault;
    req.destroy();
  }

  function read(res: IncomingMessage): void {
    const connection = ++connections;
    const decoder = createFrameDecoder({
      onRetry: (ms) => {
        retryMs = ms;
      },
      onId: (id) => {
        lastEventId = id;
        isOpen = true;
      },
      onEvent: ({ event, data }) =>
        keep({ id: lastEventId, event, data, connection, atMs: performance.now() }),
    });
    res.setEncoding('utf8');
    res.on('data', (text: string) => {
      if (!isClosed) decoder.push(text);
    });
  }

  const source: TestEventSource = {
    url,
    events,
    get lastEventId() {
      return lastEventId;
    },
    get connections() {
      return connections;
    },
    get breaks() {
      return breaks;
    },
    get isOpen() {
      return isOpen;
    },
    get failure() {
      return failure;
    },
    close() {
      isClosed = true;
      isOpen = false;
      open.delete(source);
      if (timer !== null) clearTimeout(timer);
      current?.destroy();
    },
  };
  open.add(source);
  connect();
  return source;
}

/** Why a browser would never come back after this answer, or null. */
function faultOf({ statusCode, headers }: IncomingMessage): string | null {
  if (statusCode !== 200) return `status ${statusCode}`;
  const type = headers['content-type'] ?? '';
  return /^text\/event-stream\s*(;|$)/i.test(type) ? null : `type ${type}`;
}

/** The events of the log among those of a source, without what the gateway says itself. */
export function recordsOf<E extends Pick<SourceEvent, 'event'>>({
  events,
}: {
  readonly events: readonly E[];
}): E[] {
  return events.filter(({ event }) => !event.startsWith('gateway.'));
}

/** The payloads of the gateway's own events of one name (without `gateway.`). */
export function ownOf({ events }: TestEventSource, name: 'gap' | 'reset' | 'live' | 'status'): object[] {
  return events
    .filter(({ event }) => event === `gateway.${name}`)
    .map(({ data }) => JSON.parse(data) as object);
}
