import type { Logger } from '../../../logger';
import type { BrokerAddress } from '../protocol/metadata-request';
import { nameOf } from './broker-socket';

type ConnectionFailure =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'authentication'
  | 'closed'
  | 'protocol';

/** How far a connection came: `handshake` has TCP and TLS, `open` has had an answer to a request. */
export type ConnectionPhase = 'connect' | 'handshake' | 'open';

interface ConnectionStage {
  readonly phase: ConnectionPhase;
  readonly usesTls: boolean;
}

/** A connection to a broker that could not be opened, or was lost. Its message has no credentials. */
export class ConnectionError extends Error {
  readonly failure: ConnectionFailure;
  /** What to look at; null when there is nothing to say. */
  readonly check: string | null;

  constructor(message: string, failure: ConnectionFailure, check: string | null, cause: Error) {
    super(message, { cause });
    this.failure = failure;
    this.check = check;
  }
}

/** There is no token for a broker, or it rejects the token. The message has no secret. */
export class TokenError extends Error {
  readonly check: string;

  constructor(message: string, check: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'TokenError';
    this.check = check;
  }
}

/** Code of the error for a broker that answers in TLS to a connection without TLS. */
export const TLS_EXPECTED = 'TLS_EXPECTED';

/** `what` was being done when `cause` came: the error of the socket itself where there is one. */
export function connectionError(
  address: BrokerAddress,
  what: string,
  cause: Error,
  at: ConnectionStage,
): ConnectionError {
  const failure = failureOf(cause, at);
  const check = checkOf(failure, cause, at);
  const parts = [`${nameOf(address)}: ${what} failed (${failure}): ${messageOf(cause)}`, check];
  return new ConnectionError(parts.filter((part) => part !== null).join('; '), failure, check, cause);
}

/** Whether the first bytes of an answer are a TLS record: read as a Kafka answer, its length would be far too large. */
export function speaksTls(bytes: Buffer): boolean {
  const [type, major] = bytes;
  return (type === TLS_ALERT || type === TLS_HANDSHAKE) && major === TLS_MAJOR;
}

const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 3;

const BY_CODE: Readonly<Record<string, ConnectionFailure>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ENODATA: 'dns',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EACCES: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  [TLS_EXPECTED]: 'tls',
};
const TLS_CODE =
  /^(ERR_SSL|ERR_TLS|ERR_OSSL|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|HOSTNAME_)|^EPROTO$/;
const SASL_TYPE = /SASL/;

function failureOf(cause: Error, { phase, usesTls }: ConnectionStage): ConnectionFailure {
  const { code, type, name } = cause as { code?: string; type?: string; name: string };
  if (cause instanceof TokenError || name === 'KafkaJSSASLAuthenticationError' || SASL_TYPE.test(type ?? ''))
    return 'authentication';
  if (code !== undefined && TLS_CODE.test(code)) return 'tls';
  const failure = BY_CODE[code ?? ''];
  // A listener without TLS ends the connection when it reads the first bytes of TLS.
  if (failure === 'closed' && usesTls && phase === 'connect') return 'tls';
  if (failure !== undefined) return failure;
  if (/timeout/i.test(cause.message)) return 'timeout';
  if (/clos/i.test(cause.message)) return 'closed';
  return 'protocol';
}

function checkOf(
  failure: ConnectionFailure,
  cause: Error,
  { phase, usesTls }: ConnectionStage,
): string | null {
  const code = (cause as { code?: string }).code ?? '';
  switch (failure) {
    case 'dns':
      return 'check the name in KAFKA_BROKERS and in advertised.listeners of the brokers';
    case 'refused':
      return 'check that the broker runs, and its port in KAFKA_BROKERS and in its advertised.listeners';
    case 'unreachable':
      return 'check the network between here and the broker';
    case 'timeout':
      return phase === 'connect' ? 'check firewalls between here and the broker, and the port' : null;
    case 'authentication':
      return cause instanceof TokenError
        ? cause.check
        : 'check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD';
    case 'tls':
      if (code === TLS_EXPECTED) return 'set KAFKA_SSL=on, or use a port without TLS';
      if (BY_CODE[code] === 'closed' || /WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code))
        return 'check that this port speaks TLS, else set KAFKA_SSL=off';
      if (/ALERT|HANDSHAKE_FAILURE/.test(code)) return 'check KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE';
      return 'check KAFKA_SSL_CA_FILE, and the names in the broker’s certificate';
    case 'closed':
      if (phase === 'open') return null;
      return usesTls
        ? 'check whether this port wants SASL (KAFKA_SASL_MECHANISM), and the broker’s log'
        : 'check whether this port wants TLS (KAFKA_SSL) or SASL (KAFKA_SASL_MECHANISM), and the broker’s log';
    case 'protocol':
      return phase === 'open' ? null : 'check that this is the port of a Kafka broker';
  }
}

/** A name with several addresses fails with one error for each of them, and an empty message. */
function messageOf(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message;
  return [...new Set((error.errors as Error[]).map(({ message }) => message))].join(', ');
}

/** While a failure goes on. */
const REPEAT_MS = 60_000;

/** Logs why brokers cannot be connected to: each kind of failure once per broker, and each minute while it goes on. */
export function createConnectionLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): (broker: BrokerAddress, error: Error) => void {
  /** By the kind of failure, when it was logged last; and the failures since any was. */
  const brokers = new Map<string, { readonly atMs: Map<string, number>; unlogged: number }>();

  return (address, error) => {
    const broker = nameOf(address);
    const logged = brokers.get(broker) ?? { atMs: new Map<string, number>(), unlogged: 0 };
    brokers.set(broker, logged);
    logged.unlogged++;
    const { failure, check } =
      error instanceof ConnectionError ? error : { failure: 'other' as const, check: null };
    if (now() - (logged.atMs.get(failure) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    logged.atMs.set(failure, now());
    logger.warn(
      { broker, failure, error: error.message, check, failures: logged.unlogged },
      'Kafka connection failed',
    );
    logged.unlogged = 0;
  };
}
