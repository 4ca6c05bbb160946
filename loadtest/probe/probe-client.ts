import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createParser } from 'eventsource-parser';

export interface ProbeClientOptions {
  /** Of the stream. */
  readonly url: URL;
  /** An event with a name that is not one of the gateway's own, and when it arrived, unix ms. */
  readonly onEvent: (data: string, arrivedMs: number) => void;
}

export interface ProbeClient {
  /** Lost connections and failed connects. */
  breaks(): number;
  /** Whether an event has arrived. */
  hasEvents(): boolean;
  close(): void;
}

const FIRST_RETRY_MS = 3_000;
const HTTP_OK = /^HTTP\/1\.[01] 200 /;
const OWN = 'gateway.';

const nowMs = (): number => performance.timeOrigin + performance.now();

/**
 * One stream over a bare socket, since a load client must cost less than what it measures. It reconnects like a browser:
 * with Last-Event-ID, after the server's `retry:`. HTTP/1.0, so that the body has no chunks.
 */
export function openProbeClient({ url, onEvent }: ProbeClientOptions): ProbeClient {
  const isTls = url.protocol === 'https:';
  const port = Number(url.port || (isTls ? 443 : 80));
  let socket: Socket | null = null;
  let timer: NodeJS.Timeout | null = null;
  let lastEventId = '';
  let retryMs = FIRST_RETRY_MS;
  let breaks = 0;
  let events = 0;
  let closed = false;

  function open(): void {
    const opening = isTls
      ? connectTls({ host: url.hostname, port, servername: url.hostname })
      : connect({ host: url.hostname, port, noDelay: true });
    socket = opening;
    let head = '';
    let isBody = false;
    const parser = createParser({
      onEvent({ id, event, data }) {
        if (id !== undefined) lastEventId = id;
        if (event?.startsWith(OWN)) return;
        events++;
        onEvent(data, nowMs());
      },
      onRetry(ms) {
        retryMs = ms;
      },
    });
    opening.setEncoding('utf8');
    const id = lastEventId === '' ? '' : `Last-Event-ID: ${lastEventId}\r\n`;
    opening.write(
      `GET ${url.pathname}${url.search} HTTP/1.0\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\n${id}\r\n`,
    );
    opening.on('data', (chunk) => {
      const text = String(chunk);
      if (isBody) {
        parser.feed(text);
        return;
      }
      head += text;
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      isBody = true;
      if (!HTTP_OK.test(head)) opening.destroy();
      else parser.feed(head.slice(end + '\r\n\r\n'.length));
    });
    // 'close' follows.
    opening.on('error', () => opening.destroy());
    opening.on('close', () => {
      if (closed) return;
      breaks++;
      timer = setTimeout(open, retryMs);
    });
  }

  open();
  return {
    breaks: () => breaks,
    hasEvents: () => events > 0,
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      socket?.destroy();
    },
  };
}
