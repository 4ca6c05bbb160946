import type { Broker } from '../../infra/local/broker';

export const SERVER_NAMES = ['gateway', 'baseline', 'floor', 'better-sse', 'listener-per-client'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface ServerSetup {
  readonly name: ServerName;
  /** Node to run it; the floor needs none. */
  readonly node: string;
  /** The checkout of the server `baseline`; null: not measured. */
  readonly baseline: string | null;
  /** Events made each second once `publish` is called. */
  readonly eventsPerS: number;
  readonly dataBytes: number;
  /** Null: events are posted over HTTP. Otherwise a producer sends them through this broker. */
  readonly broker: Broker | null;
  /** More environment of the server. */
  readonly env?: Readonly<Record<string, string>>;
  /** More arguments of Node, before the program. */
  readonly nodeArgs?: readonly string[];
  readonly onLine?: (line: string) => void;
}

/** A server under test: a process that listens on 127.0.0.1. */
export interface BenchServer {
  readonly name: ServerName;
  readonly pid: number;
  readonly port: number;
  /** Starts to publish events. `stop` resolves with how many were made, once all were accepted. */
  publish(): Promise<{ stop(): Promise<number> }>;
  signal(signal: NodeJS.Signals): void;
  /** Settles when the process has ended. */
  readonly exited: Promise<unknown>;
  close(): Promise<void>;
}

export const STOP_DEADLINE_MS = 10_000;
export const LISTEN_DEADLINE_MS = 30_000;
