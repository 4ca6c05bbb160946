import { readFileSync } from 'node:fs';
import type { Config } from '../config';

const LIMITS = '/proc/self/limits';

/**
 * How many files and sockets this process may have open (RLIMIT_NOFILE, which Node raises to the hard limit at its
 * start), or null where the system does not say, or has no limit. @param file in the format of Linux, see proc(5)
 */
export function openFileLimit(file = LIMITS): number | null {
  let limits: string;
  try {
    limits = readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const soft = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}

/** As many of the wanted connections as there are files for, and at least one. @param limit null: no limit */
export function connectionsWithin(
  limit: number | null,
  { maxConnections, reservedFiles }: Pick<Config['http'], 'maxConnections' | 'reservedFiles'>,
): number {
  return limit === null ? maxConnections : Math.max(1, Math.min(maxConnections, limit - reservedFiles));
}
