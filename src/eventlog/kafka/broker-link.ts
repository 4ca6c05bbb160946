import { performance } from 'node:perf_hooks';
import type { KafkaConfig } from '../../config';
import type { Logger } from '../../logger';
import { pause } from './backoff';
import { connectSocket, saslOptions, tlsOptions } from './client-options';
import {
  createKafkajsLogger,
  KafkajsBroker,
  type KafkajsConnection,
  KafkajsConnectionPool,
  LOG_LEVEL,
} from './kafkajs-internals';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** One exchange with a broker; `decode` gets the answer after its correlation id. */
export interface KafkaRequest<T extends { readonly throttleMs: number }> {
  readonly apiName: string;
  readonly apiKey: number;
  readonly apiVersion: number;
  encode(): { buf: Buffer; buffer: Buffer };
  decode(payload: Buffer): T;
}

export interface BrokerLinkOptions {
  readonly address: BrokerAddress;
  readonly kafka: KafkaConfig;
  readonly logger: Logger;
  /** Called once, when an open link is lost or closed. */
  readonly onLost: (link: BrokerLink, reason: Error) => void;
}

/**
 * One connection to one broker, from connect to loss. One request is in flight at a time (a broker answers a
 * connection's requests one after the other anyway); any failure ends the link, and a new one takes its place.
 */
export class BrokerLink {
  readonly address: BrokerAddress;
  readonly #broker: KafkajsBroker;
  readonly #connection: KafkajsConnection;
  readonly #onLost: BrokerLinkOptions['onLost'];
  readonly #closing = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  #fault: Error | null = null;
  #failPending: ((reason: Error) => void) | null = null;
  #throttledUntilMs = 0;

  /** Starts to connect. `opened` rejects when the broker does not accept the connection or the credentials in time. */
  static connect(options: BrokerLinkOptions): { link: BrokerLink; opened: Promise<BrokerLink> } {
    const link = new BrokerLink(options);
    const opened = link.#within(options.kafka.connectTimeoutMs, 'connect', () => link.#broker.connect());
    return { link, opened: opened.then(() => link) };
  }

  private constructor({ address, kafka, logger, onLost }: BrokerLinkOptions) {
    this.address = address;
    this.#onLost = onLost;
    const kafkajsLogger = createKafkajsLogger({
      level: LOG_LEVEL.WARN,
      // Whatever goes wrong here is reported by the owner of the link; this is detail.
      logCreator:
        () =>
        ({ namespace, log: { message } }) =>
          logger.debug({ kafkajs: namespace, broker: nameOf(address) }, message),
    });
    const connectionPool = new KafkajsConnectionPool({
      ...address,
      rack: null,
      ssl: tlsOptions(kafka),
      sasl: saslOptions(kafka),
      clientId: kafka.clientId,
      connectionTimeout: kafka.connectTimeoutMs,
      requestTimeout: kafka.requestTimeoutMs,
      enforceRequestTimeout: false,
      logger: kafkajsLogger,
      socketFactory: (options) => {
        const socket = connectSocket(options);
        socket.once('close', () => this.#end(this.#error('the broker closed the connection')));
        // The link may have been closed between the wish to connect and now.
        if (this.#fault !== null) socket.destroy(this.#fault);
        return socket;
      },
    });
    this.#connection = connectionPool.pool[0];
    this.#broker = new KafkajsBroker({
      connectionPool,
      logger: kafkajsLogger,
      authenticationTimeout: kafka.connectTimeoutMs,
      allowAutoTopicCreation: false,
    });
  }

  get alive(): boolean {
    return this.#fault === null;
  }

  /** @throws Error when the link is lost or the answer does not come within `timeoutMs`, which ends the link */
  send<T extends { readonly throttleMs: number }>(request: KafkaRequest<T>, timeoutMs: number): Promise<T> {
    const answer = this.#queue.then(() => this.#exchange(request, timeoutMs));
    this.#queue = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  /** Ends the link at once; what is in flight fails with this reason. */
  close(reason: Error): void {
    this.#end(reason);
  }

  async #exchange<T extends { readonly throttleMs: number }>(
    request: KafkaRequest<T>,
    timeoutMs: number,
  ): Promise<T> {
    const throttleMs = this.#throttledUntilMs - performance.now();
    if (throttleMs > 0) await pause(throttleMs, this.#closing.signal);
    const answer = await this.#within(timeoutMs, request.apiName, async () => {
      const decoded = await this.#connection.send({
        request: { ...request, encode: async () => request.encode() },
        response: {
          decode: async (payload) => request.decode(payload),
          parse: async (body) => body,
        },
      });
      return decoded as T;
    });
    if (answer.throttleMs > 0) this.#throttledUntilMs = performance.now() + answer.throttleMs;
    return answer;
  }

  #within<T>(timeoutMs: number, what: string, step: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#fault !== null) {
        reject(this.#fault);
        return;
      }
      const timer = setTimeout(() => {
        // After a stall of this process the answer may be waiting in the socket: look there first.
        setImmediate(() => {
          if (this.#failPending === fail)
            this.#end(this.#error(`no answer to ${what} within ${timeoutMs} ms`));
        });
      }, timeoutMs);
      const fail = (reason: Error) => {
        clearTimeout(timer);
        this.#failPending = null;
        reject(reason);
      };
      this.#failPending = fail;
      step().then(
        (value) => {
          clearTimeout(timer);
          if (this.#failPending === fail) this.#failPending = null;
          resolve(value);
        },
        (error: Error) => this.#end(this.#error(`${what} failed: ${error.message}`, error)),
      );
    });
  }

  #error(message: string, cause?: Error): Error {
    return new Error(`${nameOf(this.address)}: ${message}`, cause === undefined ? undefined : { cause });
  }

  #end(reason: Error): void {
    if (this.#fault !== null) return;
    this.#fault = reason;
    this.#closing.abort();
    this.#failPending?.(reason);
    // kafkajs waits for what is in flight before it lets go of the socket, so that is failed first. Destroyed with
    // an error, the socket also ends a connect that is still running, and its timer.
    this.#connection.rejectRequests(reason);
    this.#connection.socket?.destroy(reason);
    void this.#connection.disconnect();
    this.#onLost(this, reason);
  }
}

export function nameOf({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}
