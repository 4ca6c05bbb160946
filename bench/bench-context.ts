import type { Broker } from '../infra/local/broker';
import type { BenchContext } from './bench-case';
import { startServer } from './servers/start-server';

export interface BenchContextOptions {
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly churnMinutes: number;
  readonly node: string;
  readonly baseline: string | null;
  readonly broker: Broker | null;
  /** Share of each case's streams. */
  readonly scale: number;
  readonly print: (line: string) => void;
}

const EVENTS_PER_S = 1;
const DATA_BYTES = 64;

export function createBenchContext({ scale, ...options }: BenchContextOptions): BenchContext {
  const { node, baseline, broker } = options;
  return {
    ...options,
    scaled: (count) => Math.max(1, Math.round(count * scale)),
    async withServer(setup, use) {
      const server = await startServer({
        node,
        baseline,
        broker,
        eventsPerS: EVENTS_PER_S,
        dataBytes: DATA_BYTES,
        ...setup,
      });
      try {
        return await use(server);
      } finally {
        await server.close();
      }
    },
  };
}
