/** What a process needs for itself: its own files, the publishers' connections, pipes to other processes. */
const RESERVED_FILES = 256;

interface ReportedLimits {
  readonly userLimits: { readonly open_files: { readonly soft: number | 'unlimited' } };
}

/**
 * How many streams one process may hold, on either side. Node has raised the limit as far as it may (`ulimit -Hn`), and
 * child processes inherit it.
 */
export function streamsPerProcess(): number {
  const { soft } = (process.report.getReport() as ReportedLimits).userLimits.open_files;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Math.max(1, soft - RESERVED_FILES);
}

/** In how many parts so many must be split, when each part holds `most`. */
export function partsOf(count: number, most: number): number {
  // Without a limit the quotient is 0.
  return Math.max(1, Math.ceil(count / most));
}
