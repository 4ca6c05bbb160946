import { type RawConnection, rawHttp } from '../support/raw-http';

/** The server that is judged: anything that answers at a base URL. */
export interface Target {
  /** Without a slash at its end. */
  url(): string;
  /** What of the contract cannot be judged from here. */
  readonly limits: {
    /** A proxy answers /admin by itself, and each connection may reach another gateway. */
    readonly isProxy: boolean;
  };
}

/** Sends a request as bytes: an HTTP client would hide what is to be judged. */
export function send(
  target: Target,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): RawConnection {
  const { hostname, port, host, pathname } = new URL(target.url());
  const prefix = pathname === '/' ? '' : pathname;
  const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return rawHttp(
    Number(port || 80),
    `${method} ${prefix}${path} HTTP/1.1\r\n${lines.join('')}\r\n`,
    hostname,
  );
}

/** A head's fields, names in lower case. */
export function fieldsOf(received: string): { status: number; fields: Map<string, string>; body: string } {
  const end = received.indexOf('\r\n\r\n');
  const [first = '', ...lines] = received.slice(0, end).split('\r\n');
  const fields = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { status: Number(first.split(' ')[1]), fields, body: received.slice(end + 4) };
}

/** The body of a stream so far, without chunked framing. */
export function streamText(connection: RawConnection): string {
  const { fields, body } = fieldsOf(connection.received());
  if (fields.get('transfer-encoding') !== 'chunked') return body;
  let text = '';
  for (let at = 0; at < body.length; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (lineEnd < 0 || !(size > 0) || body.length < lineEnd + 2 + size) break;
    text += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
  return text;
}

/** A channel that no other run uses. */
export function freshChannel(name: string): string {
  return `/conformance/${name}-${Math.random().toString(36).slice(2)}`;
}

export async function publish(
  target: Target,
  channel: string,
  data: string,
  query = '',
): Promise<Record<string, unknown>> {
  const res = await fetch(`${target.url()}/broadcast${channel}${query}`, { method: 'POST', body: data });
  expect(res.status).toBe(202);
  return (await res.json()) as Record<string, unknown>;
}
