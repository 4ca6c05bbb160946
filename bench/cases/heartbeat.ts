import { setTimeout as pause } from 'node:timers/promises';
import { usageOf } from '../../infra/local/process-usage';
import type { BenchCase, BenchContext, Figures } from '../bench-case';
import { untilAllOpen, withLoad } from '../load-client';
import type { BenchServer } from '../servers/server';

const STREAMS = 10_000;
const MS_PER_S = 1_000;
/** The default heartbeat: each stream has had one by then. */
const ROUND_S = 15;

const PATHS: Readonly<Record<string, string>> = {
  'default, 15 s': '/events',
  '?heartbeat=3': '/events?heartbeat=3',
  '?heartbeat=1': '/events?heartbeat=1',
};

async function heartbeatsOf(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^sse_gateway_heartbeats_sent_total (\d+)$/m.exec(text)![1]);
}

async function measureIdle({ pid, port }: BenchServer, seconds: number, streams: number): Promise<Figures> {
  const [startCpuS, startBeats] = [usageOf(pid).cpuSeconds, await heartbeatsOf(port)];
  await pause(seconds * MS_PER_S);
  const cpuS = usageOf(pid).cpuSeconds - startCpuS;
  const beats = (await heartbeatsOf(port)) - startBeats;
  return {
    beatsPerS: beats / seconds,
    cpuPercent: (cpuS / seconds) * 100,
    everyS: (seconds * streams) / beats,
  };
}

export const heartbeat: BenchCase = {
  name: 'heartbeat',
  about:
    '10,000 idle streams and no events: processor time of heartbeats and of the checks of all streams each second. ' +
    'The window is a whole number of the default heartbeats long.',
  subjects: Object.keys(PATHS),
  columns: [
    { name: 'beatsPerS', title: 'heartbeats/s', digits: 0 },
    { name: 'everyS', title: 'each stream every, s', digits: 2 },
    { name: 'cpuPercent', title: '% of a core', digits: 2 },
  ],
  targets: [{ subject: '?heartbeat=3', figure: 'everyS', atMost: 3.5 }],
  measure: (subject, context: BenchContext) =>
    context.withServer({ name: 'gateway' }, (server) => {
      const streams = context.scaled(STREAMS);
      return withLoad(server, { streams, path: PATHS[subject]! }, async (load) => {
        await untilAllOpen(load);
        await pause(context.warmupSeconds * MS_PER_S);
        return measureIdle(server, ROUND_S * Math.max(1, Math.round(context.seconds / ROUND_S)), streams);
      });
    }),
};
