import { setPriority } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';
import { type SupervisedChild, startChild } from '../../infra/local/supervised-child';

/** What one stream of a load saw, over all its connections. */
export interface LoadReport {
  /** Number of the first event; null before. */
  readonly first: number | null;
  /** The number that is due next. */
  readonly next: number | null;
  /** Numbers that were left out. */
  readonly holes: number;
  readonly repeats: number;
  readonly connections: number;
  readonly isOpen: boolean;
  /** Why a browser would never have come back; null while it lives. */
  readonly failure: string | null;
  /** The gateway's own events, as `name data`, without what it says of the stream itself. */
  readonly own: readonly string[];
}

export interface StreamLoadOptions {
  /** Of the gateway or of nginx. */
  readonly url: string;
  readonly path: string;
  readonly count: number;
  readonly lastEventId?: string;
}

/** Many streams in a process of their own, which come back as browsers do, ten times as fast. */
export interface StreamLoad {
  report(): Promise<readonly LoadReport[]>;
  /** Resolves when every stream has had all events before `next`; looked at over there. Rejects after the deadline. */
  reached(next: number, deadlineMs?: number): Promise<void>;
  /** Stops reading, the process living on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** SIGSTOP: nothing of the process happens any more. */
  freeze(): Promise<void>;
  thaw(): void;
  close(): Promise<void>;
}

/** As `nice` counts: below everything that is under test. */
const LOAD_PRIORITY = 10;
const RETRY_DIVISOR = 10;
const STOP_DEADLINE_MS = 5_000;
const ANSWER_MS = 30_000;
const REACHED_MS = 30_000;

const open = new Set<StreamLoad>();

// Registered here, so that no test can forget it.
if (typeof afterEach === 'function') {
  afterEach(async () => {
    await Promise.all([...open].map((load) => load.close()));
  });
}

/** @throws Error with its output when the process does not begin */
export async function startStreamLoad({
  url,
  path,
  count,
  lastEventId,
}: StreamLoadOptions): Promise<StreamLoad> {
  const { hostname: host, port } = new URL(url);
  const options = { host, port: Number(port), path, count, lastEventId, retryDivisor: RETRY_DIVISOR };
  let heard: (port: number) => void;
  const listening = new Promise<number>((resolve) => {
    heard = resolve;
  });
  const child: SupervisedChild = startChild({
    name: 'stream load',
    command: process.execPath,
    args: [join(repositoryRoot(), 'test/support/load-process.mjs'), JSON.stringify(options)],
    onLine: (line) => {
      const found = /^control (\d+)$/.exec(line)?.[1];
      if (found !== undefined) heard(Number(found));
    },
  });
  // Browsers have processors of their own: with two here, they would take the gateway's.
  setPriority(child.pid, LOAD_PRIORITY);
  const control = await Promise.race([listening, child.exited]);
  if (typeof control !== 'number') throw new Error(`the stream load ended:\n${child.lastLines()}`);

  const ask = async (what: string, deadlineMs = ANSWER_MS) => {
    if (child.exit() !== null) throw new Error(`the stream load ended:\n${child.lastLines()}`);
    const res = await fetch(`http://127.0.0.1:${control}/${what}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(deadlineMs),
    });
    return (await res.json()) as LoadReport[];
  };
  const load: StreamLoad = {
    report: () => ask('report'),
    async reached(next, deadlineMs = REACHED_MS) {
      try {
        await ask(`reached/${next}`, deadlineMs);
      } catch (error) {
        if ((error as Error).name !== 'TimeoutError') throw error;
        const late = (await ask('report')).filter((stream) => (stream.next ?? 0) < next);
        const example = JSON.stringify(late[0]);
        throw new Error(`${late.length} streams not at ${next} within ${deadlineMs} ms, such as ${example}`);
      }
    },
    async pause() {
      await ask('pause');
    },
    async resume() {
      await ask('resume');
    },
    freeze: child.pause,
    thaw: child.resume,
    async close() {
      open.delete(load);
      await child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS });
    },
  };
  open.add(load);
  return load;
}

/** Records whose data begin with their numbers, as the streams of a load expect them, all of `bytes` in size. */
export function numberedValues(from: number, count: number, bytes: number): string[] {
  return Array.from({ length: count }, (_, i) => `${from + i}:`.padEnd(bytes, 'x'));
}
