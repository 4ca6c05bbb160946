import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Memory and processor time of a process, from /proc on Linux and from `ps` elsewhere. */
export interface ProcessUsage {
  /** As the system accounts it: pages shared with other processes count in each. */
  readonly residentKiB: number;
  /** Processor time so far, user and system, all threads. */
  readonly cpuSeconds: number;
}

/** Of one process without its children. @throws Error when it does not run */
export function usageOf(pid: number): ProcessUsage {
  const usage = usageIfRunning(pid);
  if (usage === null) throw new Error(`process ${pid} does not run`);
  return usage;
}

/** The same; null when it does not run, or is a zombie. */
export function usageIfRunning(pid: number): ProcessUsage | null {
  if (process.platform === 'linux') return fromProc(pid);
  return rowsOfPs(ps()).find((row) => row.pid === pid)?.usage ?? null;
}

/** Of each process with its children, by process id; what does not run is left out. */
export type ReadUsage = (pids: readonly number[]) => ReadonlyMap<number, ProcessUsage>;

/** All processes, read at once. */
export const usageWithChildren: ReadUsage = (pids) =>
  process.platform === 'linux' ? treesFromProc(pids) : treesFromPs(ps(), pids);

function treesFromProc(pids: readonly number[]): Map<number, ProcessUsage> {
  const found = new Map<number, ProcessUsage>();
  for (const pid of pids) {
    const tree = [pid, ...childrenOf(pid)].flatMap((one) => fromProc(one) ?? []);
    if (tree.length > 0) found.set(pid, sumOf(tree));
  }
  return found;
}

function childrenOf(pid: number): number[] {
  const text = readIfAlive(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

function fromProc(pid: number): ProcessUsage | null {
  const status = readIfAlive(`/proc/${pid}/status`);
  const stat = readIfAlive(`/proc/${pid}/stat`);
  const kiB = status === null ? undefined : /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (stat === null || kiB === undefined) return null;
  return { residentKiB: Number(kiB), cpuSeconds: cpuSecondsIn(stat) };
}

/** Of proc(5)'s times, as on every Linux of today. */
const TICKS_PER_SECOND = 100;

/** utime and stime of a `stat` file (proc(5)), counted after the name, which may have spaces. */
function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function readIfAlive(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // ESRCH: the process ended between opening and reading the file.
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return null;
  }
}

function ps(): string {
  return spawnSync('ps', ['-axo', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' }).stdout;
}

interface PsRow {
  readonly pid: number;
  readonly parent: number;
  readonly usage: ProcessUsage;
}

/** Lines of `ps -o pid=,ppid=,rss=,time=`; the time is `[[dd-]hh:]mm:ss[.cc]`. */
function rowsOfPs(text: string): PsRow[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length === 4)
    .map(([pid, parent, rss, time]) => ({
      pid: Number(pid),
      parent: Number(parent),
      usage: { residentKiB: Number(rss), cpuSeconds: secondsOf(time!) },
    }));
}

/** As `usageWithChildren`, from what `ps` printed. */
export function treesFromPs(text: string, pids: readonly number[]): Map<number, ProcessUsage> {
  const rows = rowsOfPs(text);
  const found = new Map<number, ProcessUsage>();
  for (const pid of pids) {
    const tree = rows.filter((row) => row.pid === pid || row.parent === pid).map(({ usage }) => usage);
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

function sumOf(usages: readonly ProcessUsage[]): ProcessUsage {
  return usages.reduce((a, b) => ({
    residentKiB: a.residentKiB + b.residentKiB,
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
  }));
}
