import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

/** Whose request it is. */
export interface ClientAddress {
  /** The client's IP address, as far as the proxies that are believed tell it. */
  of(req: IncomingMessage): string;
  /**
   * True when the request was made on this machine, without a proxy in between as far as anyone can see: the peer is
   * loopback, the `Host` it asked for is too (a page of another site whose name resolves to loopback sends its own
   * name), and nothing says that it was passed on. What believed proxies say does not count: with one of them fewer
   * than is believed, a stranger would write it.
   */
  isLocal(req: IncomingMessage): boolean;
}

/** Any of these means that the peer is not the client. */
const PROXY_HEADERS = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'forwarded',
  'via',
];

/** Groups of an IPv6 address in its first 64 bits. */
const PREFIX_GROUPS = 4;

/**
 * @param trustProxy number of proxies in front whose `X-Forwarded-For` is believed; each appends the address it was
 *   asked from, so the client is that many from the right, or the first when there are fewer. 0: the peer is the
 *   client, whatever the header says.
 */
export function createClientAddress(trustProxy: number): ClientAddress {
  function of(req: IncomingMessage): string {
    const peer = addressOf(req.socket.remoteAddress ?? '') ?? '';
    const header = req.headers['x-forwarded-for'];
    if (trustProxy === 0 || header === undefined) return peer;
    // Node has joined several lines of it into one, in their order.
    const passedOn = String(header).split(',');
    let client = peer;
    // From the nearest on: what stands behind an entry that is no address was written by nobody who is believed.
    for (const text of passedOn.slice(-trustProxy).reverse()) {
      const address = addressOf(text.trim());
      if (address === null) break;
      client = address;
    }
    return client;
  }

  return {
    of,
    isLocal(req) {
      const { headers, socket } = req;
      if (!isLoopback(addressOf(socket.remoteAddress ?? '')) || !isLoopbackHost(headers.host)) return false;
      return !PROXY_HEADERS.some((name) => headers[name] !== undefined);
    },
  };
}

/** The bare address of `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80` or `::ffff:1.2.3.4`; null for anything else. */
function addressOf(text: string): string | null {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = /^::ffff:([\d.]+)$/i.exec(bare)?.[1] ?? bare;
  return isIP(address) === 0 ? null : address;
}

function isLoopback(address: string | null): boolean {
  return address === '::1' || address?.startsWith('127.') === true;
}

/** True for the names and addresses of this machine alone, with or without a port. */
export function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || isLoopback(addressOf(name));
}

/**
 * What limits per client count by: an IPv4 address as it is, of an IPv6 address the first 64 bits, since a client with
 * one address of such a network has all of them (RFC 4291 §2.5.1).
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1)[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
    while (groups.length + after < 8) groups.push('0');
    if (tail !== '') groups.push(...tail.split(':'));
  }
  return `${groups
    .slice(0, PREFIX_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
