import { Hub, type HubOptions } from '../../src/hub/hub';

/** A hub without a log behind it: nothing is older than its ring, and a sink that throws fails the test. */
export function createTestHub(options: Partial<HubOptions> = {}): Hub {
  return new Hub({
    ring: { records: 100, bytes: 1 << 20 },
    sliceBytes: 1_000,
    writesPerTurn: 100,
    onPressure: () => undefined,
    onSinkError: (error) => {
      throw error;
    },
    withMeta: (entry) => entry,
    idLine: () => Buffer.alloc(0),
    onBeforeRing: () => 0,
    ...options,
  });
}
