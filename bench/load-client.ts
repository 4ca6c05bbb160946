import { startChild } from '../infra/local/supervised-child';
import { createArrivals } from './arrivals';
import { createDeferred } from './deferred';
import { nativeProgram } from './native-program';
import type { BenchServer } from './servers/server';

/** Printed by the load client when its last stream has been answered. */
export interface Connected {
  /** Streams that were answered, and those that were not. */
  readonly streams: number;
  readonly failed: number;
  readonly seconds: number;
  readonly perS: number;
  /** From the call of connect(2) to the head of the answer, which comes with `:ok` in one write. */
  readonly firstByteP50Ms: number;
  readonly firstByteP99Ms: number;
  readonly firstByteMaxMs: number;
}

/** Printed by the load client when every stream has had `gateway.live`. */
export interface Live {
  /** Since the first stream was opened. */
  readonly seconds: number;
  /** From a stream's opening to its `gateway.live`. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly events: number;
  /** Fewest and most events of a stream. */
  readonly fewest: number;
  readonly most: number;
  /** Missing sequence numbers, and repeated or late ones. */
  readonly gaps: number;
  readonly repeats: number;
  readonly bytes: number;
  /** Processor time of the server since the first stream was opened. */
  readonly serverCpuS: number;
}

/** Of the window. */
export interface Measured {
  readonly seconds: number;
  readonly events: number;
  readonly bytes: number;
  readonly reads: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From the first stream that got an event to the last one, median over events: one pass over the streams. */
  readonly spreadMs: number;
  /** Processor time of the server, all threads; nothing is subtracted. */
  readonly serverCpuS: number;
  /** Its share outside the kernel. */
  readonly serverUserS: number;
  readonly clientCpuS: number;
}

/** Of the whole run. */
export interface LoadResult {
  readonly events: number;
  /** Fewest and most events of a stream. */
  readonly fewest: number;
  readonly most: number;
  /** Missing sequence numbers, and repeated or late ones. */
  readonly gaps: number;
  readonly repeats: number;
  readonly failed: number;
  /** Streams that the server ended. */
  readonly ended: number;
  readonly open: number;
  readonly churned: number;
}

export interface LoadOptions {
  readonly port: number;
  /** `%d` in it is the number of the stream; default `/events`. */
  readonly path?: string;
  /** A file with the path of each stream, one a line, instead of `path`. */
  readonly pathsFile?: string;
  readonly streams: number;
  /** Streams opened each second; default 3000. */
  readonly connectPerS?: number;
  readonly warmupMs?: number;
  /** Length of the window; default an hour, which is longer than any case keeps its streams. */
  readonly seconds?: number;
  /** Silence after the window that ends the run; default 2000. */
  readonly quietMs?: number;
  /** Streams closed and opened again each second; default 0. */
  readonly churnPerS?: number;
  /** The server, whose processor time is read at both ends of the window. */
  readonly serverPid: number;
}

/** Settles phase by phase; each rejects when the client ends before. */
export interface LoadClient {
  readonly connected: Promise<Connected>;
  /** Never settles for streams that do not resume. */
  readonly live: Promise<Live>;
  readonly measuring: Promise<void>;
  readonly measured: Promise<Measured>;
  readonly result: Promise<LoadResult>;
  /** Ends the window now, and begins the next one. */
  window(): Promise<Measured>;
  /** Drops all streams at once. */
  kill(): Promise<void>;
}

const STOP_DEADLINE_MS = 5_000;
const DEFAULT_SECONDS = 3_600;
const DEFAULT_CONNECT_PER_S = 3_000;
const DEFAULT_QUIET_MS = 2_000;

function startLoad(options: LoadOptions): LoadClient {
  const phases = {
    connected: createDeferred<Connected>(),
    live: createDeferred<Live>(),
    measuring: createDeferred<void>(),
    measured: createDeferred<Measured>(),
    result: createDeferred<LoadResult>(),
  };
  const windows = createArrivals<Measured>('the window of the load client');
  const settings = {
    port: options.port,
    ...(options.pathsFile === undefined ? { path: options.path ?? '/events' } : { paths: options.pathsFile }),
    streams: options.streams,
    rate: options.connectPerS ?? DEFAULT_CONNECT_PER_S,
    'warmup-ms': options.warmupMs ?? 0,
    seconds: options.seconds ?? DEFAULT_SECONDS,
    'quiet-ms': options.quietMs ?? DEFAULT_QUIET_MS,
    churn: options.churnPerS ?? 0,
    pid: options.serverPid,
  };
  const child = startChild({
    name: 'load client',
    command: nativeProgram('load'),
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    onLine: (line) => {
      const { phase, ...figures } = line.startsWith('{') ? JSON.parse(line) : { phase: null };
      if (phase === 'window') windows.add(figures);
      if (Object.hasOwn(phases, phase)) phases[phase as keyof typeof phases].resolve(figures);
    },
  });
  void child.exited.then(() => {
    const error = new Error(`the load client ended:\n${child.lastLines()}`);
    for (const phase of Object.values(phases)) phase.reject(error);
  });
  return {
    connected: phases.connected.promise,
    live: phases.live.promise,
    measuring: phases.measuring.promise,
    measured: phases.measured.promise,
    result: phases.result.promise,
    window() {
      child.signal('SIGUSR1');
      return windows.next();
    },
    async kill() {
      await child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS });
    },
  };
}

/** Opens streams to a server, and drops them all after `use`. */
export async function withLoad<T>(
  { port, pid }: Pick<BenchServer, 'port' | 'pid'>,
  options: Omit<LoadOptions, 'port' | 'serverPid'>,
  use: (load: LoadClient) => Promise<T>,
): Promise<T> {
  const load = startLoad({ ...options, port, serverPid: pid });
  try {
    return await use(load);
  } finally {
    await load.kill();
  }
}

/** Resolves when all streams are open. @throws Error when the server rejected one of them */
export async function untilAllOpen({ connected }: LoadClient): Promise<void> {
  const { streams, failed } = await connected;
  if (failed > 0) throw new Error(`${failed} of ${streams + failed} streams were rejected`);
}
