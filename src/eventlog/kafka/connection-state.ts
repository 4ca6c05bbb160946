import type { ConnectionStatus } from '../event-log';

/** Where one of the log's connections stands, since when, and what went wrong last. */
export interface ConnectionState {
  readonly connected: boolean;
  becameConnected(): void;
  /** A failure that interrupts nothing by itself: it is told as the last error. */
  noted(error: Error): void;
  /** A failure; it interrupts what was connected, and leaves `starting` as it is. */
  failed(error: Error): void;
  becameClosed(): void;
  status(): ConnectionStatus;
}

/** `onChange` is called with the new status whenever the state (not only the last error) changed. */
export function createConnectionState(onChange: (status: ConnectionStatus) => void): ConnectionState {
  let state: ConnectionStatus['state'] = 'starting';
  let stateSince = new Date().toISOString();
  let lastError: ConnectionStatus['lastError'] = null;

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
    lastError = { message: error.message, at: new Date().toISOString() };
  }

  return {
    get connected() {
      return state === 'connected';
    },
    becameConnected: () => enter('connected'),
    noted,
    failed(error) {
      noted(error);
      if (state === 'connected') enter('interrupted');
    },
    becameClosed: () => enter('closed'),
    status,
  };
}
