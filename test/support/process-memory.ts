import { usageIfRunning } from '../../infra/local/process-usage';

const KIB_PER_MIB = 1_024;

/** Resident memory of a process in MiB; null when it does not run. */
export function residentMiB(pid: number): number | null {
  const usage = usageIfRunning(pid);
  return usage === null ? null : Math.round(usage.residentKiB / KIB_PER_MIB);
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
