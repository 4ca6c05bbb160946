import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/**
 * The only file that reaches into kafkajs. What is used is one connection to one broker: socket, SASL, framing and
 * the matching of answers to requests. Requests and answers are our own (`../protocol/`).
 *
 * These modules are no public API, but the library is frozen: 2.2.4 is its last release, and it has no `exports`
 * map. So exactly that version is accepted.
 */
const VERSION = '2.2.4';

refuseOtherVersion((require('kafkajs/package.json') as { version: string }).version);

/** @throws Error that says what to install, for any kafkajs but the one this was written against. */
export function refuseOtherVersion(version: string): void {
  if (version === VERSION) return;
  throw new Error(
    `kafkajs ${version} is installed, but the event log works with ${VERSION} only: run \`npm install --save-exact kafkajs@${VERSION}\``,
  );
}

export interface KafkajsConnection {
  socket?: Socket;
  send(exchange: {
    request: {
      apiKey: number;
      apiVersion: number;
      apiName: string;
      encode(): Promise<{ buf: Buffer; buffer: Buffer }>;
    };
    response: { decode(payload: Buffer): Promise<object>; parse(decoded: object): Promise<unknown> };
    logResponseError?: boolean;
  }): Promise<unknown>;
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}

export interface KafkajsConnectionPool {
  /** Two connections, opened on demand; only the first is ever opened here. */
  readonly pool: readonly [KafkajsConnection, KafkajsConnection];
}

export interface KafkajsBroker {
  /** Opens the first connection, asks the broker for its API versions and authenticates. */
  connect(): Promise<void>;
}

export interface KafkajsLogEntry {
  readonly namespace: string;
  readonly level: number;
  readonly log: { readonly message: string; readonly [field: string]: unknown };
}

export type SocketFactory = (options: {
  host: string;
  port: number;
  ssl: ConnectionOptions | undefined;
  onConnect: () => void;
}) => Socket;

interface ConnectionPoolOptions {
  readonly host: string;
  readonly port: number;
  readonly rack: null;
  readonly ssl: ConnectionOptions | null;
  /** kafkajs writes to this object: never pass a shared or frozen one. */
  readonly sasl: object | null;
  readonly clientId: string;
  readonly socketFactory: SocketFactory;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly logger: object;
}

interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  throttledUntil: number;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

export const KafkajsBroker = require('kafkajs/src/broker') as new (options: {
  connectionPool: KafkajsConnectionPool;
  logger: object;
  authenticationTimeout: number;
  allowAutoTopicCreation: boolean;
}) => KafkajsBroker;
export const KafkajsConnectionPool = require('kafkajs/src/network/connectionPool') as new (
  options: ConnectionPoolOptions,
) => KafkajsConnectionPool;
export const { LEVELS: LOG_LEVEL, createLogger: createKafkajsLogger } = require('kafkajs/src/loggers') as {
  LEVELS: { NOTHING: 0; ERROR: 1; WARN: 2; INFO: 4; DEBUG: 5 };
  createLogger(options: { level: number; logCreator: () => (entry: KafkajsLogEntry) => void }): object;
};

const CHECK_PENDING_MS = 10;

/**
 * kafkajs re-arms a timer on every connection for ever, with a delay that is negative unless the broker throttles:
 * a wake-up each millisecond and, on Node 24, a TimeoutNegativeWarning (tulios/kafkajs issues 1556, 1704, 1751).
 * This arms one only while a request waits.
 */
function checkPendingOnlyWhenSome(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
  const waitMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    waitMs > 0 ? waitMs : CHECK_PENDING_MS,
  );
}

export const KafkajsRequestQueue = require('kafkajs/src/network/requestQueue') as {
  prototype: RequestQueue;
};
KafkajsRequestQueue.prototype.scheduleCheckPendingRequests = checkPendingOnlyWhenSome;

/** Of a session's lifetime; the rest is for clocks and networks that are late. Java's client begins here as well (KIP-368). */
const RENEW_AT = 0.85;
/** Brokers refuse to authenticate a connection anew more than once a second. */
const RENEW_MIN_MS = 1_100;

interface Session {
  /** In ms; 0 is for ever. */
  readonly sessionLifetime: { readonly value: bigint };
}

/**
 * kafkajs authenticates anew a fixed ten seconds before the end of a session: where the broker's
 * `connections.max.reauth.ms` is shorter, before each request, and brokers end such connections. This makes the margin,
 * in ms, fit the lifetime.
 */
function renewalMarginMs(this: Session): number {
  const lifetimeMs = Number(this.sessionLifetime.value);
  return lifetimeMs - Math.max(RENEW_MIN_MS, Math.floor(lifetimeMs * RENEW_AT));
}

export const KafkajsConnection = require('kafkajs/src/network/connection') as {
  prototype: Session & {
    readonly requestQueue: { readonly inflight: ReadonlyMap<number, { sentAt: number }> };
    processData(part: Buffer): void;
  };
};
Object.defineProperty(KafkajsConnection.prototype, 'reauthenticationThreshold', {
  get: renewalMarginMs,
  // kafkajs's own constructor sets it.
  set: () => undefined,
});

/** kafkajs judges a request by the time since it was sent. While an answer arrives, slow is not dead. */
const { processData } = KafkajsConnection.prototype;
KafkajsConnection.prototype.processData = function (part) {
  const nowMs = Date.now();
  for (const request of this.requestQueue.inflight.values()) request.sentAt = nowMs;
  processData.call(this, part);
};
