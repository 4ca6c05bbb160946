import { readFileSync } from 'node:fs';

/** Of proc(5)'s times, as on every Linux of today. */
const TICKS_PER_SECOND = 100;
const KIB = 1_024;

/** Processor time of a process so far in seconds, all its threads (proc(5): utime and stime). */
export function cpuSeconds(pid: number): number {
  return cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** The same from the text of its `stat` file: the times are counted after the name, which may have spaces. */
export function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process in bytes (proc(5): VmRSS). */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * KIB;
}
