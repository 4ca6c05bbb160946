import type { Logger } from '../../../logger';
import { type BrokerAddress, nameOf } from './broker-address';
import { ConnectionError } from './connection-error';

/** While a failure goes on. */
const REPEAT_MS = 60_000;

interface Told {
  /** By the kind of failure, when it was logged last. */
  readonly atMs: Map<string, number>;
  /** Failures since then. */
  unsaid: number;
}

/**
 * Logs why brokers cannot be connected to: each kind of failure once per broker, and again every minute while it goes on.
 * One for all the connections of a log, since they fail alike.
 */
export function createConnectionLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): (broker: BrokerAddress, error: Error) => void {
  const brokers = new Map<string, Told>();

  return (address, error) => {
    const broker = nameOf(address);
    const told = brokers.get(broker) ?? { atMs: new Map<string, number>(), unsaid: 0 };
    brokers.set(broker, told);
    told.unsaid++;
    const { failure, check } =
      error instanceof ConnectionError ? error : { failure: 'other' as const, check: null };
    if (now() - (told.atMs.get(failure) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    told.atMs.set(failure, now());
    logger.warn(
      { broker, failure, error: error.message, check, failures: told.unsaid },
      'a connection to Kafka failed',
    );
    told.unsaid = 0;
  };
}
