import { lookup } from 'node:dns';
import { isIP, type LookupFunction, connect as netConnect } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { KafkaConfig } from '../../../config';
import type { BrokerAddress } from '../protocol/metadata-request';
import type { SocketFactory } from './kafkajs-internals';

/** `host:port`, with brackets around IPv6. */
export function nameOf({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads what `nameOf` writes. */
export function parseAddress(name: string): BrokerAddress {
  const colon = name.lastIndexOf(':');
  return { host: name.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(name.slice(colon + 1)) };
}

/** kafkajs splits the address of a broker at its first colon, so the colons of an IPv6 address are replaced. */
export function seedOf(broker: string): string {
  const { host, port } = parseAddress(broker);
  return `${host.replaceAll(':', '~')}:${port}`;
}

const KEEP_ALIVE_DELAY_MS = 60_000;

/** Addresses of a name that are tried within the time of one connect; Node itself gives each 250 ms. */
const ADDRESSES_PER_CONNECT = 4;

/**
 * Opens sockets to the addresses of a name, one after the other, until one accepts. `failedConnects` says with which
 * address to begin: one that accepts and then says nothing must not block the others.
 *
 * kafkajs's own factory never sets TCP_NODELAY, which costs small requests up to 40 ms each.
 */
export function createSocketFactory(
  { connectTimeoutMs }: Pick<KafkaConfig, 'connectTimeoutMs'>,
  failedConnects = 0,
): SocketFactory {
  return ({ host: seed, port, ssl, onConnect }) => {
    const host = seed.replaceAll('~', ':');
    const options = {
      host,
      port,
      lookup: lookupFrom(failedConnects),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeoutMs / ADDRESSES_PER_CONNECT),
    };
    const socket = ssl
      ? tlsConnect({ ...options, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
      : netConnect(options, onConnect);
    return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  };
}

function lookupFrom(first: number): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const at = first % found.length;
      callback(null, [...found.slice(at), ...found.slice(0, at)]);
    });
  };
}

/** Null: no TLS. */
export function tlsOptions({ ssl }: KafkaConfig): ConnectionOptions | null {
  if (ssl === null) return null;
  const { ca, cert, key, rejectUnauthorized } = ssl;
  return {
    rejectUnauthorized,
    ...(ca === null ? {} : { ca: [ca] }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  };
}
