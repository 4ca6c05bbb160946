import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

export interface ClientAddress {
  /** The client's IP address, by what trusted proxies say. */
  of(req: IncomingMessage): string;
  /**
   * True for a request from this machine that no proxy seems to have passed on: the peer and the `Host` are loopback, and
   * it has no header of a proxy. (`Host`, because a page of another site may resolve its own name to loopback.) Trusted
   * proxies do not count here: with one of them fewer than configured, a stranger would write their headers.
   */
  isLocal(req: IncomingMessage): boolean;
}

/** With any of these the peer is not the client. */
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
 * @param trustProxy number of trusted proxies in front. Each appends the address of its own peer to `X-Forwarded-For`, so
 *   the client is that many from the right, or the first if there are fewer. 0: the peer is the client, whatever the
 *   header says.
 */
export function createClientAddress(trustProxy: number): ClientAddress {
  function of(req: IncomingMessage): string {
    const peer = addressOf(req.socket.remoteAddress ?? '') ?? '';
    const header = req.headers['x-forwarded-for'];
    if (trustProxy === 0 || header === undefined) return peer;
    // Node joins several lines of this header into one, in their order.
    const passedOn = String(header).split(',');
    let client = peer;
    // From the nearest proxy outwards, up to the first entry that is not an IP address: no trusted proxy wrote the rest.
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

/** True for names and addresses of the loopback interface, with or without a port. */
export function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || isLoopback(addressOf(name));
}

/** What limits per client count by: of IPv6 the first 64 bits, since a client has all addresses of such a network. */
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
