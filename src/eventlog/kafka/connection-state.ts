import type { ConnectionStatus, LastError } from '../event-log';

/** State of one of the event log's connections, since when, and its last error. */
export interface ConnectionState {
  readonly connected: boolean;
  /** @param isWhole false while a part of what it is for does not work: then its last error is not over */
  becameConnected(isWhole?: boolean): void;
  /** A failure that interrupts nothing by itself: it is shown as the last error. */
  noted(error: Error): void;
  /** A failure; it interrupts what was connected, and leaves `starting` as it is. */
  failed(error: Error): void;
  becameClosed(): void;
  status(): ConnectionStatus;
}

/**
 * `onChange` is called with the new status whenever the state (not only the last error) changed.
 * @param quietMs an error that interrupted nothing is over when it did not occur again for this time
 */
export function createConnectionState(
  onChange: (status: ConnectionStatus) => void,
  quietMs: number,
): ConnectionState {
  let state: ConnectionStatus['state'] = 'starting';
  let stateSince = new Date().toISOString();
  let lastError: LastError | null = null;
  let lastErrorMs = 0;

  function status(): ConnectionStatus {
    return { connected: state === 'connected', state, stateSince, lastError, throttledUntil: null };
  }

  function enter(next: ConnectionStatus['state']): void {
    if (state === next || state === 'closed') return;
    state = next;
    stateSince = new Date().toISOString();
    onChange(status());
  }

  function noted(error: Error): void {
    lastErrorMs = Date.now();
    lastError = { message: error.message, at: new Date(lastErrorMs).toISOString(), resolvedAt: null };
  }

  function judgeLastError(isWhole: boolean): void {
    if (!isWhole || lastError === null || lastError.resolvedAt !== null) return;
    const nowMs = Date.now();
    if (state === 'connected' && nowMs - lastErrorMs < quietMs) return;
    lastError = { ...lastError, resolvedAt: new Date(nowMs).toISOString() };
  }

  return {
    get connected() {
      return state === 'connected';
    },
    becameConnected(isWhole = true) {
      judgeLastError(isWhole);
      enter('connected');
    },
    noted,
    failed(error) {
      noted(error);
      if (state === 'connected') enter('interrupted');
    },
    becameClosed: () => enter('closed'),
    status,
  };
}
