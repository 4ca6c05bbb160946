import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';

/** Arguments of Node that load a built probe before the program. */
export function preload(probe: 'stall' | 'deliveries'): readonly string[] {
  return ['--require', join(repositoryRoot(), 'dist/bench/probes', `${probe}.js`)];
}

/** What a probe printed in a line; null when it is another line. */
export function probeFigures(line: string, probe: string): Readonly<Record<string, number>> | null {
  if (!line.startsWith(`{"probe":"${probe}"`)) return null;
  const { probe: _, ...figures } = JSON.parse(line) as Record<string, number>;
  return figures;
}
