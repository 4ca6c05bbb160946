import type { EventLog } from '../eventlog/event-log';

export interface LogWatchDeps {
  readonly log: EventLog;
  readonly everyMs: number;
  /** The connection to the log was lost, or is back. Not called for the first connection. */
  readonly onChange: (kafka: 'interrupted' | 'ok') => void;
}

export interface LogWatch {
  stop(): void;
}

/** Looks at the log's own word on its connection, and tells changes. */
export function startLogWatch({ log, everyMs, onChange }: LogWatchDeps): LogWatch {
  let wasConnected: boolean | null = null;
  const timer = setInterval(() => {
    const { state, connected } = log.status().consumer;
    if (state === 'starting' || connected === wasConnected) return;
    if (wasConnected !== null) onChange(connected ? 'ok' : 'interrupted');
    wasConnected = connected;
  }, everyMs);
  return { stop: () => clearInterval(timer) };
}
