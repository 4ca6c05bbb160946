import { lookup } from 'node:dns';
import { isIP, type LookupFunction, connect as netConnect } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { KafkaConfig as KafkajsConfig, SASLOptions } from 'kafkajs';
import type { KafkaConfig } from '../../../config';
import type { Logger } from '../../../logger';
import { parseAddress } from './broker-address';
import { type KafkajsLogEntry, LOG_LEVEL, type SocketFactory } from './kafkajs-internals';

const KEEP_ALIVE_DELAY_MS = 60_000;

/** So many addresses of a name have their turn in the time of one connect; Node itself gives each 250 ms. */
const ADDRESSES_PER_CONNECT = 4;

/**
 * Opens sockets to whichever address of a name accepts first, one after the other. `failedConnects` says with which of
 * them it begins: one that accepts and then says nothing must not stand in the way of the others.
 *
 * kafkajs's own factory never sets TCP_NODELAY, which costs small requests up to 40 ms each.
 */
export function createSocketFactory(
  { connectTimeoutMs }: Pick<KafkaConfig, 'connectTimeoutMs'>,
  failedConnects = 0,
): SocketFactory {
  return ({ host: seed, port, ssl, onConnect }) => {
    const host = hostOf(seed);
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

/** kafkajs takes the address of a broker apart at its first colon. `hostOf` undoes this. */
function seedOf(broker: string): string {
  const { host, port } = parseAddress(broker);
  return `${host.replaceAll(':', '~')}:${port}`;
}

function hostOf(seed: string): string {
  return seed.replaceAll('~', ':');
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

/** A new object at each call, since kafkajs keeps its authentication provider in it. Null: no SASL. */
export function saslOptions({ sasl }: KafkaConfig): SASLOptions | null {
  return sasl === null ? null : ({ ...sasl } as SASLOptions);
}

/**
 * Options of kafkajs's public client (`new Kafka(…)`) with the same security, sockets, time limits and retries as
 * the event log. The retries are explicit because kafkajs takes other defaults when NODE_ENV is `test`.
 */
export function kafkaClientOptions(kafka: KafkaConfig, logger: Logger): KafkajsConfig {
  const ssl = tlsOptions(kafka);
  const sasl = saslOptions(kafka);
  return {
    brokers: kafka.brokers.map(seedOf),
    clientId: kafka.clientId,
    ...(ssl === null ? {} : { ssl }),
    ...(sasl === null ? {} : { sasl }),
    connectionTimeout: kafka.connectTimeoutMs,
    requestTimeout: kafka.requestTimeoutMs,
    socketFactory: createSocketFactory(kafka) as NonNullable<KafkajsConfig['socketFactory']>,
    retry: {
      initialRetryTime: kafka.retryMinMs,
      maxRetryTime: kafka.retryMaxMs,
      multiplier: 2,
      factor: 0.2,
      retries: 8,
    },
    logLevel: LOG_LEVEL.INFO,
    logCreator: () => (entry) => logKafkajs(logger, entry),
  };
}

/** Rooms of kafkajs that report what is retried as an error: lost connections, rebalances, stale leaders. */
const RETRYING = new Set([
  'Connection',
  'Runner',
  'BrokerPool',
  'Broker',
  'Cluster',
  'ConsumerGroup',
  'Producer',
]);

function logKafkajs(logger: Logger, { namespace, level, log }: KafkajsLogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, ...fields } = log;
  const entry = { kafkajs: namespace, ...fields };
  if (level === LOG_LEVEL.ERROR && !RETRYING.has(namespace)) logger.error(entry, message);
  else if (level === LOG_LEVEL.ERROR || level === LOG_LEVEL.WARN) logger.warn(entry, message);
  else logger.debug(entry, message);
}
