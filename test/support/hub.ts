import { Hub, type HubOptions } from '../../src/hub/hub';
import type { History } from '../../src/hub/replay';

/** A history whose reads take for ever. */
export function createTestHistory(own: Partial<History> = {}): History {
  return {
    isCached: true,
    find: () => null,
    skip: (_slot, position) => position,
    read: () => new Promise(() => undefined),
    isFor: () => true,
    isUnreadable: () => false,
    onReadable: () => undefined,
    slotsFrom: (slot) => [slot],
    resetAfter: () => null,
    clear: () => undefined,
    ...own,
  };
}

/** A hub without an event log behind it: a sink that throws fails the test. */
export function createTestHub(options: Partial<HubOptions> = {}): Hub {
  return new Hub({
    ring: { records: 100, bytes: 1 << 20 },
    sliceBytes: 1_000,
    writesPerTurn: 100,
    // Nothing waits for a time: tests let rounds of the event loop pass until all is written.
    gather: 0,
    onSinkError: (error) => {
      throw error;
    },
    withMeta: (entry) => entry,
    idLine: () => Buffer.alloc(0),
    lineInstead: () => null,
    history: createTestHistory(),
    replay: { maxRecords: 1_000_000, maxBytes: 1 << 30, maxMs: 60_000 },
    ...options,
  });
}
