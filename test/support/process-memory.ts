import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const KIB_PER_MIB = 1_024;

/** Resident memory of a process in MiB, as the system accounts it; null when it does not run. */
export function residentMiB(pid: number): number | null {
  const kiB = process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
  return kiB === undefined ? null : Math.round(Number(kiB) / KIB_PER_MIB);
}

function fromProc(pid: number): string | undefined {
  try {
    return /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  } catch (error) {
    // Between the file's opening and its reading a process that ends shows as ESRCH.
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  }
}

function fromPs(pid: number): string | undefined {
  return /\d+/.exec(spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).stdout)?.[0];
}

export interface MemoryWatch {
  readonly startMiB: number;
  /** The highest value seen so far. */
  peakMiB(): number;
  stop(): void;
}

const SAMPLE_MS = 50;

const watching = new Set<MemoryWatch>();

// Registered here, so that no test can forget it.
if (typeof afterEach === 'function') {
  afterEach(() => {
    for (const watch of watching) watch.stop();
  });
}

/** Looks at the memory of a process again and again, until it ends. @throws Error when it does not run */
export function watchMemory(pid: number): MemoryWatch {
  const startMiB = residentMiB(pid);
  if (startMiB === null) throw new Error(`process ${pid} does not run`);
  let peakMiB = startMiB;
  const timer = setInterval(() => {
    const nowMiB = residentMiB(pid);
    if (nowMiB === null) watch.stop();
    else peakMiB = Math.max(peakMiB, nowMiB);
  }, SAMPLE_MS);
  const watch: MemoryWatch = {
    startMiB,
    peakMiB: () => peakMiB,
    stop() {
      clearInterval(timer);
      watching.delete(watch);
    },
  };
  watching.add(watch);
  return watch;
}
