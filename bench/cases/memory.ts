import { setTimeout as pause } from 'node:timers/promises';
import { residentBytes } from '../../infra/local/process-usage';
import type { BenchCase } from '../bench-case';
import { startLoad } from '../load-client';
import { SERVER_NAMES, type ServerName } from '../servers/server';

const STREAMS = 10_000;
/** The first streams cost code and pools that are there once: they are not the streams'. */
const FIRST_STREAMS = 200;
const SETTLE_MS = 5_000;
const FOREVER_S = 3_600;
const KIB = 1_024;

export const memory: BenchCase = {
  name: 'memory',
  about:
    'Growth of resident memory for each stream, without the kernel’s: before, with 200 streams that were opened and closed; ' +
    'after, with 10,000 idle streams for some seconds. No forced garbage collection.',
  subjects: SERVER_NAMES,
  columns: [
    { name: 'kibPerStream', title: 'KiB per stream', digits: 2 },
    { name: 'beforeMib', title: 'before, MiB', digits: 1 },
    { name: 'afterMib', title: 'after, MiB', digits: 1 },
  ],
  // 8 KB in the sense of 8,000 bytes.
  targets: [{ subject: 'gateway', figure: 'kibPerStream', atMost: 7.8125 }],
  measure: (subject, context) =>
    context.withServer({ name: subject as ServerName }, async (server) => {
      const open = async (streams: number) => {
        const load = startLoad({ port: server.port, streams, seconds: FOREVER_S, serverPid: server.pid });
        const { failed } = await load.connected;
        if (failed > 0) throw new Error(`${subject} refused ${failed} of ${streams} streams`);
        return load;
      };
      const first = await open(context.scaled(FIRST_STREAMS));
      await first.kill();
      await pause(SETTLE_MS);
      const before = residentBytes(server.pid);
      const streams = context.scaled(STREAMS);
      const load = await open(streams);
      try {
        await pause(SETTLE_MS);
        const after = residentBytes(server.pid);
        return {
          kibPerStream: (after - before) / streams / KIB,
          beforeMib: before / KIB / KIB,
          afterMib: after / KIB / KIB,
        };
      } finally {
        await load.kill();
      }
    }),
};
