import { setTimeout as pause } from 'node:timers/promises';
import type { BenchCase } from '../bench-case';
import { untilAllOpen, withLoad } from '../load-client';
import { createProbe } from '../probes/probe';
import type { BenchServer } from '../servers/server';

const STREAMS = 18_000;
const SETTLE_MS = 3_000;
const POLL_MS = 100;
const LEFT_DEADLINE_MS = 60_000;

const SPREAD = 'drain, DRAIN_MS default';
const AT_ONCE = 'drain, DRAIN_MS=0';
const LEAVING = 'all clients leave at once';

export const drain: BenchCase = {
  name: 'drain-18k',
  about:
    'Closes 18,000 streams and takes the longest stall of the gateway’s event loop meanwhile (perf_hooks, inside the process, ' +
    'every millisecond): with SIGTERM, which ends each stream, and with clients that are all gone at once.',
  subjects: [SPREAD, AT_ONCE, LEAVING],
  columns: [
    { name: 'stallMs', title: 'longest stall, ms', digits: 1 },
    { name: 'waitedMs', title: 'waited for a processor, ms in all', digits: 1 },
    { name: 'seconds', title: 'seconds', digits: 1 },
    { name: 'ended', title: 'streams ended', digits: 0 },
  ],
  targets: [SPREAD, AT_ONCE, LEAVING].map((subject) => ({ subject, figure: 'stallMs', atMost: 50 })),
  measure: (subject, context) => {
    const stall = createProbe('stall', 'the figure of the stall');
    const env: Record<string, string> = subject === AT_ONCE ? { DRAIN_MS: '0' } : {};
    return context.withServer({ name: 'gateway', env, ...stall.setup }, (server) => {
      const streams = context.scaled(STREAMS);
      return withLoad(server, { streams }, async (load) => {
        await untilAllOpen(load);
        await pause(SETTLE_MS);
        // Resets the probe: connecting is not measured.
        server.signal('SIGUSR2');
        await stall.figures.next();
        const startMs = performance.now();
        let ended = streams;
        if (subject === LEAVING) {
          await load.kill();
          await untilNoneOpen(server);
          server.signal('SIGUSR2');
        } else {
          server.signal('SIGTERM');
          ended = (await load.result).ended;
        }
        const seconds = (performance.now() - startMs) / 1_000;
        return { ...(await stall.figures.next()), seconds, ended };
      });
    });
  },
};

async function untilNoneOpen({ port }: BenchServer): Promise<void> {
  const deadline = performance.now() + LEFT_DEADLINE_MS;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/connections`, {
      headers: { connection: 'close' },
    });
    const open = Number(await response.text());
    if (open === 0) return;
    if (performance.now() > deadline) throw new Error(`${open} streams are still open`);
    await pause(POLL_MS);
  }
}
