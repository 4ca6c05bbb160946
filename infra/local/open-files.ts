import { spawnSync } from 'node:child_process';

/**
 * How many files a child of this process may open: `soft` without raising the limit, `hard` at the most; `Infinity` without
 * limit. Asked of a shell, since Node raises its own soft limit, which children inherit, to the hard one.
 *
 * @throws Error when the shell gives no number
 */
export function openFilesLimit(kind: 'hard' | 'soft'): number {
  const option = kind === 'hard' ? '-H' : '-S';
  const { stdout } = spawnSync('sh', ['-c', `ulimit ${option} -n`], { encoding: 'utf8' });
  const limit = stdout.trim();
  if (limit === 'unlimited') return Number.POSITIVE_INFINITY;
  if (!/^\d+$/.test(limit)) throw new Error(`ulimit ${option} -n says "${limit}"`);
  return Number(limit);
}
