import type { Broker } from '../../infra/local/broker';

export const SERVER_NAMES = ['gateway', 'baseline', 'floor', 'better-sse', 'listener-per-client'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface ServerSetup {
  readonly name: ServerName;
  /** Which Node runs it; the floor needs none. */
  readonly node: string;
  /** The checkout that the server `baseline` is built in; null: it does not take part. */
  readonly baseline: string | null;
  /** Events made each second once `publish` is called. */
  readonly eventsPerS: number;
  readonly dataBytes: number;
  /** Null: events come over HTTP. Else from a producer of its own, over this broker, to the gateway. */
  readonly broker: Broker | null;
  /** Further environment of the server. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of Node, before the program. */
  readonly nodeArgs?: readonly string[];
  readonly onLine?: (line: string) => void;
}

/** A server under test, a process of its own that listens on 127.0.0.1. */
export interface BenchServer {
  readonly name: ServerName;
  readonly pid: number;
  readonly port: number;
  /** Begins to make events. `stop` resolves with how many were made, once all were accepted. */
  publish(): Promise<{ stop(): Promise<number> }>;
  signal(signal: NodeJS.Signals): void;
  /** Settles when the process has ended. */
  readonly exited: Promise<unknown>;
  close(): Promise<void>;
}

export const STOP_DEADLINE_MS = 10_000;
export const LISTEN_DEADLINE_MS = 30_000;
