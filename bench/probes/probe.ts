import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';
import { type Arrivals, createArrivals } from '../arrivals';
import type { Figures } from '../bench-case';
import type { ServerSetup } from '../servers/server';

/** A preload of this directory that measures inside the server. */
export interface Probe {
  /** Node arguments that load the probe into a server. */
  readonly setup: Required<Pick<ServerSetup, 'nodeArgs' | 'onLine'>>;
  /** Its figures, as they are printed. */
  readonly figures: Arrivals<Figures>;
}

/** @param figures what they are, for the message when none come */
export function createProbe(name: 'stall' | 'deliveries', figures: string): Probe {
  const arrivals = createArrivals<Figures>(figures);
  return {
    setup: {
      nodeArgs: ['--require', join(repositoryRoot(), 'dist/bench/probes', `${name}.js`)],
      onLine(line) {
        if (!line.startsWith(`{"probe":"${name}"`)) return;
        const { probe: _, ...found } = JSON.parse(line) as { probe: string } & Figures;
        arrivals.add(found as Figures);
      },
    },
    figures: arrivals,
  };
}
