/** Files besides streams: a process's own files, the publishers' connections, pipes to other processes. */
const RESERVED_FILES = 256;

interface ReportedLimits {
  readonly userLimits: { readonly open_files: { readonly soft: number | 'unlimited' } };
}

/**
 * Most streams of one process, on either side. Node raises the limit to the hard one (`ulimit -Hn`), which child processes
 * inherit.
 */
export function streamsPerProcess(): number {
  const { soft } = (process.report.getReport() as ReportedLimits).userLimits.open_files;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Math.max(1, soft - RESERVED_FILES);
}

/** Number of parts of at most `most` each. */
export function partsOf(count: number, most: number): number {
  // Without a limit the quotient is 0.
  return Math.max(1, Math.ceil(count / most));
}
