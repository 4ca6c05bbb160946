import { setTimeout as pause } from 'node:timers/promises';
import { usageOf } from '../../infra/local/process-usage';
import type { BenchCase } from '../bench-case';
import { untilAllOpen, withLoad } from '../load-client';
import { SERVER_NAMES, type ServerName } from '../servers/server';

const STREAMS = 10_000;
/** The first streams pay for code and pools that exist once. */
const FIRST_STREAMS = 200;
const SETTLE_MS = 5_000;
const KIB_PER_MIB = 1_024;

export const memory: BenchCase = {
  name: 'memory',
  about:
    'Growth of resident memory per stream, without the kernel’s: before, after 200 streams were opened and closed; ' +
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
      await withLoad(server, { streams: context.scaled(FIRST_STREAMS) }, untilAllOpen);
      await pause(SETTLE_MS);
      const before = usageOf(server.pid).residentKiB;
      const streams = context.scaled(STREAMS);
      return withLoad(server, { streams }, async (load) => {
        await untilAllOpen(load);
        await pause(SETTLE_MS);
        const after = usageOf(server.pid).residentKiB;
        return {
          kibPerStream: (after - before) / streams,
          beforeMib: before / KIB_PER_MIB,
          afterMib: after / KIB_PER_MIB,
        };
      });
    }),
};
