import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { createParser } from 'eventsource-parser';

export interface ReceivedEvent {
  /** The event's own id line; undefined when it had none. */
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

export interface SseClient {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Header lines as sent, name and value in turn. */
  readonly rawHeaders: readonly string[];
  /** The log's events, and what the gateway says of the log. */
  readonly events: readonly ReceivedEvent[];
  /** What the gateway says of the stream itself: `gateway.open`, `gateway.position`, `gateway.retry`. */
  readonly streamEvents: readonly ReceivedEvent[];
  readonly comments: readonly string[];
  /** All of the body so far. */
  text(): string;
  /** True once the body has ended, cleanly or not. */
  ended(): boolean;
  /** Resolves as soon as the condition holds; it is judged again whenever something arrives. Rejects after the deadline. */
  until(condition: (client: SseClient) => boolean, deadlineMs?: number): Promise<void>;
  /** Stops reading, so that backpressure builds up. */
  pause(): void;
  resume(): void;
  close(): void;
}

const DEADLINE_MS = 10_000;
const OF_THE_STREAM = ['gateway.open', 'gateway.position', 'gateway.retry'];
const open = new Set<SseClient>();

// Registered here, so that no test can forget it.
if (typeof afterEach === 'function') {
  afterEach(() => {
    for (const client of open) client.close();
  });
}

/** Opens a stream over a real socket, parsed by eventsource-parser, which is not ours. */
export async function openStream(
  url: string,
  options: { headers?: Record<string, string>; method?: string } = {},
): Promise<SseClient> {
  const events: ReceivedEvent[] = [];
  const streamEvents: ReceivedEvent[] = [];
  const comments: string[] = [];
  const parser = createParser({
    onEvent: ({ id, event = 'message', data }) =>
      (OF_THE_STREAM.includes(event) ? streamEvents : events).push({ id, event, data }),
    onComment: (comment) => comments.push(comment),
  });
  let text = '';
  let ended = false;
  const waiting = new Set<() => void>();
  const judge = () => {
    for (const check of waiting) check();
  };

  const [req, res] = await connect(url, options);
  res.setEncoding('utf8');
  res.on('data', (part: string) => {
    text += part;
    parser.feed(part);
    judge();
  });
  const end = () => {
    ended = true;
    judge();
  };
  res.on('end', end).on('close', end).on('error', end);

  const client: SseClient = {
    status: res.statusCode ?? 0,
    headers: res.headers,
    rawHeaders: res.rawHeaders,
    events,
    streamEvents,
    comments,
    text: () => text,
    ended: () => ended,
    until: (condition, deadlineMs = DEADLINE_MS) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!condition(client)) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          const last = text.slice(-500);
          reject(
            new Error(
              `not so within ${deadlineMs} ms: ${condition}; ${events.length} events, ended ${ended}, last: ${last}`,
            ),
          );
        }, deadlineMs);
        waiting.add(check);
        check();
      }),
    pause: () => res.pause(),
    resume: () => res.resume(),
    close: () => {
      open.delete(client);
      req.destroy();
    },
  };
  open.add(client);
  return client;
}

function connect(
  url: string,
  { headers = {}, method = 'GET' }: { headers?: Record<string, string>; method?: string },
): Promise<[ClientRequest, IncomingMessage]> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers, agent: false });
    req.on('error', reject);
    req.on('response', (res) => resolve([req, res]));
    req.end();
  });
}
