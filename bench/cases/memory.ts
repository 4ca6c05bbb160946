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

interface MemoryCase extends Pick<BenchCase, 'name' | 'about' | 'subjects' | 'targets'> {
  /** What each stream asks for; unset: everything. */
  readonly path?: string;
}

function createMemoryCase({ path, ...own }: MemoryCase): BenchCase {
  return {
    ...own,
    columns: [
      { name: 'kibPerStream', title: 'KiB per stream', digits: 2 },
      { name: 'beforeMib', title: 'before, MiB', digits: 1 },
      { name: 'afterMib', title: 'after, MiB', digits: 1 },
    ],
    measure: (subject, context) =>
      context.withServer({ name: subject as ServerName }, async (server) => {
        const asked = path === undefined ? {} : { path };
        await withLoad(server, { streams: context.scaled(FIRST_STREAMS), ...asked }, untilAllOpen);
        await pause(SETTLE_MS);
        const before = usageOf(server.pid).residentKiB;
        const streams = context.scaled(STREAMS);
        return withLoad(server, { streams, ...asked }, async (load) => {
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
}

export const memory = createMemoryCase({
  name: 'memory',
  about:
    'Growth of resident memory per stream, without the kernel’s: before, after 200 streams were opened and closed; ' +
    'after, with 10,000 idle streams for some seconds. No forced garbage collection.',
  subjects: SERVER_NAMES,
  // 8 KB in the sense of 8,000 bytes.
  targets: [{ subject: 'gateway', figure: 'kibPerStream', atMost: 7.8125 }],
});

export const memoryOfOwnChannels = createMemoryCase({
  name: 'memory-own-channels',
  about: 'The same with each stream on a channel of its own, which has its own audience.',
  path: '/events?channel=/users/%d',
  subjects: ['gateway', 'baseline'],
  // 5,500 bytes.
  targets: [{ subject: 'gateway', figure: 'kibPerStream', atMost: 5.371 }],
});
