import { type Broker, type BrokerOptions, startBroker } from '../../infra/local/broker';

/** Download at the first use, three brokers on a busy machine: jest's own limit is made for less. */
const START_LIMIT_MS = 300_000;

export interface BrokerHolder {
  /** The broker; only inside tests and hooks. */
  readonly broker: Broker;
  /** Its `host:port` list. */
  readonly bootstrap: readonly string[];
  /** `host:port` list of its `clientListener`. */
  readonly clients: readonly string[];
}

/**
 * One broker (or cluster) for the tests of the enclosing `describe`, or of the file, started before the first of them
 * and gone after the last.
 */
export function useBroker(options: BrokerOptions = {}): BrokerHolder {
  let started: Broker | null = null;
  const get = (): Broker => {
    if (started === null) throw new Error('the broker runs only while the tests run');
    return started;
  };
  beforeAll(async () => {
    started = await startBroker(options);
  }, START_LIMIT_MS);
  afterAll(async () => {
    await started?.close();
    started = null;
  }, START_LIMIT_MS);
  return {
    get broker() {
      return get();
    },
    get bootstrap() {
      return get().bootstrap;
    },
    get clients() {
      return get().clients;
    },
  };
}
