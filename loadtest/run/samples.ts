import { type ProcessUsage, type ReadUsage, usageWithChildren } from '../../infra/local/process-usage';

/** A part of the system under test, or of the test: processes by id, with their children. */
export type Parts = () => ReadonlyMap<string, readonly number[]>;

/** CPU and memory of one part. */
export interface PartFigures {
  readonly name: string;
  readonly peakMiB: number;
  readonly lastMiB: number;
  /** Mean since the mark, of one core. */
  readonly cpuPercent: number;
}

export interface Samples {
  /** CPU counts from here on: the hold begins. */
  mark(): void;
  /** CPU counts up to here: the hold is over. */
  markEnd(): void;
  /** MiB of all parts at the last sample. */
  totalMiB(): number;
  figures(): PartFigures[];
  stop(): void;
}

const INTERVAL_MS = 3_000;
const KIB_PER_MIB = 1_024;
const PERCENT = 100;

/** Samples the processes every few seconds, until it is stopped. */
export function startSamples(parts: Parts, read: ReadUsage = usageWithChildren): Samples {
  const peak = new Map<string, number>();
  let last = new Map<string, ProcessUsage>();
  let fromCpu: ReadonlyMap<string, ProcessUsage> | null = null;
  let toCpu: ReadonlyMap<string, ProcessUsage> | null = null;
  let fromMs = performance.now();
  let toMs: number | null = null;

  const sample = (): void => {
    const next = new Map<string, ProcessUsage>();
    for (const [name, usage] of sums(parts(), read)) {
      // A part that has ended keeps its figures.
      if (usage.residentKiB === 0 && last.has(name)) next.set(name, last.get(name)!);
      else next.set(name, usage);
      peak.set(name, Math.max(peak.get(name) ?? 0, usage.residentKiB));
    }
    last = next;
  };
  sample();
  const timer = setInterval(sample, INTERVAL_MS);
  const miB = (kiB: number): number => Math.round(kiB / KIB_PER_MIB);
  return {
    mark() {
      sample();
      fromCpu = last;
      fromMs = performance.now();
    },
    markEnd() {
      sample();
      toCpu = last;
      toMs = performance.now();
    },
    totalMiB: () => miB([...last.values()].reduce((sum, { residentKiB }) => sum + residentKiB, 0)),
    figures() {
      const seconds = ((toMs ?? performance.now()) - fromMs) / 1_000;
      const upTo = toCpu ?? last;
      return [...upTo].map(([name, { residentKiB, cpuSeconds }]) => ({
        name,
        peakMiB: miB(peak.get(name) ?? 0),
        lastMiB: miB(residentKiB),
        cpuPercent: Math.round(
          (Math.max(0, cpuSeconds - (fromCpu?.get(name)?.cpuSeconds ?? 0)) / Math.max(seconds, 1e-3)) *
            PERCENT,
        ),
      }));
    },
    stop: () => clearInterval(timer),
  };
}

function sums(parts: ReadonlyMap<string, readonly number[]>, read: ReadUsage): Map<string, ProcessUsage> {
  const processes = read([...parts.values()].flat());
  return new Map(
    [...parts].map(([name, pids]) => {
      const all = pids.flatMap((pid) => processes.get(pid) ?? []);
      return [
        name,
        {
          residentKiB: all.reduce((sum, { residentKiB }) => sum + residentKiB, 0),
          cpuSeconds: all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
        },
      ];
    }),
  );
}
