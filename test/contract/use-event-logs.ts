import type { EventLog, Tail } from '../../src/eventlog/event-log';
import { until } from '../support/until';
import { TailRecorder } from './tail-recorder';

/** Settings as environment variables. */
export type Env = Readonly<Record<string, string>>;

export type BuildEventLog = (topics: readonly string[], env?: Env) => EventLog;

/** The logs of the enclosing `describe`. After each test they are closed, and no tail may have broken its promise. */
export interface EventLogs {
  /** A log that may not be connected yet. */
  readonly build: BuildEventLog;
  /** A log that says it is connected. */
  open(topics: readonly string[], env?: Env): Promise<EventLog>;
  /** Closes a log that was built elsewhere. */
  adopt(log: EventLog): EventLog;
  /** Starts the tail; resolves once it has begun. */
  start(
    log: EventLog,
    recorder?: TailRecorder,
  ): Promise<{ readonly seen: TailRecorder; readonly tail: Tail }>;
  /** The same where the tail is left alone. */
  tail(log: EventLog, recorder?: TailRecorder): Promise<TailRecorder>;
}

export const CLOSE_MS = 5_000;

export function useEventLogs(create: BuildEventLog): EventLogs {
  const opened: EventLog[] = [];
  const recorders: TailRecorder[] = [];

  afterEach(async () => {
    const violations = recorders.splice(0).flatMap((recorder) => recorder.violations);
    await Promise.all(opened.splice(0).map((log) => log.close(CLOSE_MS)));
    expect(violations).toEqual([]);
  });

  const logs: EventLogs = {
    build: (topics, env = {}) => logs.adopt(create(topics, env)),
    async open(topics, env) {
      const log = logs.build(topics, env);
      await until(() => log.status().producer.connected, 'the producer is connected');
      return log;
    },
    adopt(log) {
      opened.push(log);
      return log;
    },
    async start(log, seen = new TailRecorder()) {
      recorders.push(seen);
      const tail = log.tail(seen);
      await seen.started();
      return { seen, tail };
    },
    async tail(log, recorder) {
      return (await logs.start(log, recorder)).seen;
    },
  };
  return logs;
}
