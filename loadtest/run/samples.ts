import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpuSecondsIn } from '../../infra/local/process-usage';

/** What one process takes at a moment. */
export interface ProcessFigures {
  readonly residentKiB: number;
  /** Processor time so far. */
  readonly cpuSeconds: number;
}

/** A part of the system under test or of the test: the processes with these ids and their children. */
export type Parts = () => ReadonlyMap<string, readonly number[]>;

/** What one part took over the time it was watched. */
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

/** Looks at the processes every few seconds, until it is stopped. */
export function startSamples(parts: Parts, read: ReadProcesses = readProcesses): Samples {
  const peak = new Map<string, number>();
  let last = new Map<string, ProcessFigures>();
  let fromCpu: ReadonlyMap<string, ProcessFigures> | null = null;
  let toCpu: ReadonlyMap<string, ProcessFigures> | null = null;
  let fromMs = performance.now();
  let toMs: number | null = null;

  const sample = (): void => {
    const next = new Map<string, ProcessFigures>();
    for (const [name, figures] of sums(parts(), read)) {
      // A part that has ended keeps what it had.
      if (figures.residentKiB === 0 && last.has(name)) next.set(name, last.get(name)!);
      else next.set(name, figures);
      peak.set(name, Math.max(peak.get(name) ?? 0, figures.residentKiB));
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

function sums(
  parts: ReadonlyMap<string, readonly number[]>,
  read: ReadProcesses,
): Map<string, ProcessFigures> {
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

/** Figures of the processes, each with those of its children, by process id; what does not run is left out. */
export type ReadProcesses = (pids: readonly number[]) => ReadonlyMap<number, ProcessFigures>;

/** From /proc on Linux, from `ps` elsewhere. */
export const readProcesses: ReadProcesses = (pids) =>
  process.platform === 'linux' ? fromProc(pids) : fromPs(pids);

function fromProc(pids: readonly number[]): Map<number, ProcessFigures> {
  const found = new Map<number, ProcessFigures>();
  for (const pid of pids) {
    const tree = [pid, ...childrenOf(pid)].flatMap((one) => procFigures(one) ?? []);
    if (tree.length > 0) found.set(pid, sumOf(tree));
  }
  return found;
}

function childrenOf(pid: number): number[] {
  const text = readIfAlive(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

function procFigures(pid: number): ProcessFigures | null {
  const status = readIfAlive(`/proc/${pid}/status`);
  const stat = readIfAlive(`/proc/${pid}/stat`);
  const kiB = status === null ? undefined : /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (stat === null || kiB === undefined) return null;
  return { residentKiB: Number(kiB), cpuSeconds: cpuSecondsIn(stat) };
}

function readIfAlive(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // Between the file's opening and its reading a process that ends shows as ESRCH.
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return null;
  }
}

function fromPs(pids: readonly number[]): Map<number, ProcessFigures> {
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' });
  return parsePs(stdout, pids);
}

/** Lines of `ps -o pid=,ppid=,rss=,time=`; the time is `[[dd-]hh:]mm:ss[.cc]`. */
export function parsePs(text: string, pids: readonly number[]): Map<number, ProcessFigures> {
  const rows = text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length === 4)
    .map(([pid, parent, rss, time]) => ({
      pid: Number(pid),
      parent: Number(parent),
      figures: { residentKiB: Number(rss), cpuSeconds: secondsOf(time!) },
    }));
  const found = new Map<number, ProcessFigures>();
  for (const pid of pids) {
    const tree = rows.filter((row) => row.pid === pid || row.parent === pid).map(({ figures }) => figures);
    if (tree.length > 0) found.set(pid, sumOf(tree));
  }
  return found;
}

const SECONDS_PER_DAY = 86_400;
const BASE = 60;

function secondsOf(time: string): number {
  const [clock = '', days = '0'] = time.split('-').reverse();
  return (
    Number(days) * SECONDS_PER_DAY + clock.split(':').reduce((sum, part) => sum * BASE + Number(part), 0)
  );
}

function sumOf(figures: readonly ProcessFigures[]): ProcessFigures {
  return figures.reduce((a, b) => ({
    residentKiB: a.residentKiB + b.residentKiB,
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
  }));
}
