import type { Socket } from 'node:net';
import { pause } from '../../../backoff';
import type { KafkaConfig } from '../../../config';
import { GatewayError } from '../../../errors';
import type { Logger } from '../../../logger';
import type { BrokerAddress } from '../protocol/metadata-request';
import type { KafkaRequest } from '../protocol/request';
import { createSocketFactory, nameOf, tlsOptions } from './broker-socket';
import { type ConnectionPhase, connectionError, speaksTls, TLS_EXPECTED } from './connection-error';
import {
  createKafkajsLogger,
  KafkajsBroker,
  type KafkajsConnection,
  KafkajsConnectionPool,
  LOG_LEVEL,
} from './kafkajs-internals';
import { saslOptions } from './sasl';

interface BrokerLinkOptions {
  readonly address: BrokerAddress;
  readonly kafka: KafkaConfig;
  readonly logger: Logger;
  /** Connects in a row that failed before: of several addresses of a name, the next one is tried first. */
  readonly failedConnects: number;
  /** Called once, when the link could not be opened, is lost or closed. */
  readonly onLost: (link: BrokerLink, reason: Error) => void;
  /** Called when the broker asks for a pause because of a quota. */
  readonly onThrottled: (forMs: number) => void;
}

const LOOKS_PER_SILENCE = 4;
/** Time for a request to reach the broker before its silence counts: the system does not say when it has left. */
const SLOWEST_BYTES_PER_SECOND = 32 * 1024;

/**
 * One connection to one broker, from connect to loss. One request is in flight at a time (a broker answers a
 * connection's requests one after the other anyway); any failure ends the link, and a new one takes its place.
 */
export class BrokerLink {
  readonly address: BrokerAddress;
  /** Rejects when the broker does not accept the connection or the credentials in time. */
  readonly opened: Promise<void>;
  readonly #connection: KafkajsConnection;
  readonly #options: BrokerLinkOptions;
  readonly #closing = new AbortController();
  #socket: Socket | null = null;
  #phase: ConnectionPhase = 'connect';
  #queue: Promise<unknown> = Promise.resolve();
  #fault: Error | null = null;
  /** What the socket itself says is wrong; kafkajs keeps only parts of it. */
  #socketError: Error | null = null;
  #failPending: ((reason: Error) => void) | null = null;
  #throttledUntilMs = 0;
  #progressMs = 0;
  #exchangeMs = 0;

  constructor(options: BrokerLinkOptions) {
    const { address, kafka, logger, failedConnects } = options;
    this.address = address;
    this.#options = options;
    const kafkajsLogger = createKafkajsLogger({
      level: LOG_LEVEL.WARN,
      // Errors are reported by the owner of the link; this is detail.
      logCreator:
        () =>
        ({ namespace, log: { message } }) =>
          logger.debug({ kafkajs: namespace, broker: nameOf(address) }, message),
    });
    const openSocket = createSocketFactory(kafka, failedConnects);
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
      socketFactory: (socketOptions) => {
        const socket = openSocket({
          ...socketOptions,
          onConnect: () => {
            this.#phase = 'handshake';
            socketOptions.onConnect();
          },
        });
        this.#watch(socket);
        return socket;
      },
    });
    this.#connection = connectionPool.pool[0];
    const broker = new KafkajsBroker({
      connectionPool,
      logger: kafkajsLogger,
      authenticationTimeout: kafka.connectTimeoutMs,
      allowAutoTopicCreation: false,
    });
    const limit = { idleMs: kafka.connectTimeoutMs, inAll: true };
    this.opened = this.#within('connect', limit, () => broker.connect());
  }

  get alive(): boolean {
    return this.#fault === null;
  }

  /** By `performance.now()`: until then the broker's quota keeps this side waiting; in the past when none does. */
  get throttledUntilMs(): number {
    return this.#throttledUntilMs;
  }

  /** By `performance.now()`: up to then its silence says nothing, for bytes came or the broker asked for a pause. */
  get aliveUntilMs(): number {
    return Math.max(this.#progressMs, this.#throttledUntilMs);
  }

  /** How long the last answer took, from sending the request. */
  get exchangeMs(): number {
    return this.#exchangeMs;
  }

  /** Resolves at the end of the pause that the broker asked for, or when the link has ended. */
  async pauseOver(): Promise<void> {
    const throttleMs = this.#throttledUntilMs - performance.now();
    if (throttleMs > 0) await pause(throttleMs, this.#closing.signal);
  }

  /**
   * Waits for its turn and for the end of a pause that the broker asked for, then sends.
   * @param idleMs how long the broker may be silent once it can have the request; an answer that goes on arriving may
   *   take any time
   * @throws Error when the link is lost or the broker is silent for longer, which ends the link
   */
  send<T extends { readonly throttleMs: number }>(request: KafkaRequest<T>, idleMs: number): Promise<T> {
    const answer = this.#queue.then(() => this.#exchange(request, idleMs));
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
    idleMs: number,
  ): Promise<T> {
    await this.pauseOver();
    const encoded = request.encode();
    const sendingMs = (1_000 * encoded.length) / SLOWEST_BYTES_PER_SECOND;
    const sentMs = performance.now();
    const answer = await this.#within(
      request.apiName,
      { idleMs: idleMs + sendingMs, inAll: false },
      async () => {
        const decoded = await this.#connection.send({
          // The part of kafkajs's encoder that its connection reads.
          request: { ...request, encode: async () => ({ buf: encoded, buffer: encoded }) },
          response: {
            decode: async (payload) => decode(request, payload),
            parse: async (body) => body,
          },
        });
        return decoded as T;
      },
    );
    this.#phase = 'open';
    this.#exchangeMs = performance.now() - sentMs;
    // Kafka answers at once and then reads nothing from this connection for that time (KIP-219).
    if (answer.throttleMs > 0) {
      this.#throttledUntilMs = performance.now() + answer.throttleMs;
      this.#options.onThrottled(answer.throttleMs);
    }
    return answer;
  }

  /** Ends the link when nothing comes for `idleMs`, or `inAll` when the step takes longer. */
  #within<T>(
    what: string,
    { idleMs, inAll }: { readonly idleMs: number; readonly inAll: boolean },
    step: () => Promise<T>,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#fault !== null) {
        reject(this.#fault);
        return;
      }
      const lookMs = inAll ? idleMs : this.#options.kafka.silenceMs / LOOKS_PER_SILENCE;
      let bytesRead = this.#bytesRead();
      let idleSinceMs = performance.now();
      let timer: NodeJS.Timeout;
      const isIdle = () => {
        const now = performance.now();
        if (!inAll && this.#bytesRead() !== bytesRead) {
          bytesRead = this.#bytesRead();
          idleSinceMs = now;
          this.#progressMs = now;
        }
        return now - idleSinceMs >= idleMs;
      };
      const watch = () => {
        const leftMs = Math.max(0, idleSinceMs + idleMs - performance.now());
        timer = setTimeout(look, Math.min(lookMs, Math.ceil(leftMs)));
      };
      const look = () => {
        if (!isIdle()) {
          watch();
          return;
        }
        // After a stall of this gateway the answer may be waiting in the socket: look there first.
        setImmediate(() => {
          if (this.#failPending !== fail) return;
          if (!isIdle()) watch();
          else
            this.#failed(
              what,
              Object.assign(new Error(`no answer for ${Math.round(idleMs)} ms`), { code: 'ETIMEDOUT' }),
            );
        });
      };
      const fail = (reason: Error) => {
        clearTimeout(timer);
        this.#failPending = null;
        reject(reason);
      };
      this.#failPending = fail;
      watch();
      step().then(
        (value) => {
          clearTimeout(timer);
          if (this.#failPending === fail) this.#failPending = null;
          resolve(value);
        },
        (error: Error) => this.#failed(what, this.#socketError ?? error),
      );
    });
  }

  #bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  #watch(socket: Socket): void {
    this.#socket = socket;
    socket.once('error', (error) => {
      this.#socketError = error;
    });
    socket.once('close', () =>
      this.#failed('the connection', this.#socketError ?? new Error('the broker closed it')),
    );
    if (this.#options.kafka.ssl === null) {
      socket.once('data', (part: Buffer) => {
        if (!speaksTls(part)) return;
        this.#failed('connect', Object.assign(new Error('the broker speaks TLS'), { code: TLS_EXPECTED }));
      });
    }
    // The link may have been closed before its socket was created.
    if (this.#fault !== null) socket.destroy(this.#fault);
  }

  #failed(what: string, cause: Error): void {
    const usesTls = this.#options.kafka.ssl !== null;
    this.#end(connectionError(this.address, what, cause, { phase: this.#phase, usesTls }));
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
    this.#options.onLost(this, reason);
  }
}

function decode<T extends { readonly throttleMs: number }>(request: KafkaRequest<T>, payload: Buffer): T {
  try {
    return request.decode(payload);
  } catch (cause) {
    throw new GatewayError('log-unavailable', `a broker’s answer to ${request.apiName} cannot be read`, {
      cause,
    });
  }
}
