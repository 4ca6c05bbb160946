import type { EventLog } from '../eventlog/event-log';

export interface LogWatchDeps {
  readonly log: EventLog;
  readonly everyMs: number;
  /** The connection to the log was lost, or is back. Not called for the first connection. */
  readonly onChange: (kafka: 'interrupted' | 'ok') => void;
}

export interface LogWatch {
  /** The connection to the log was lost and is not back, as far as `onChange` has told. */
  isInterrupted(): boolean;
  stop(): void;
}

/** Looks at the log's own word on its connection, and tells changes. */
export function startLogWatch({ log, everyMs, onChange }: LogWatchDeps): LogWatch {
  // What was never connected is starting, not interrupted: an outage may be all there is to see at the first look.
  let wasConnected = true;
  const timer = setInterval(() => {
    const { state, connected } = log.status().consumer;
    if (state === 'starting' || connected === wasConnected) return;
    wasConnected = connected;
    onChange(connected ? 'ok' : 'interrupted');
  }, everyMs);
  return { isInterrupted: () => !wasConnected, stop: () => clearInterval(timer) };
}
