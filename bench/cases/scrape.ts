import { setTimeout as pause } from 'node:timers/promises';
import { usageOf } from '../../infra/local/process-usage';
import type { BenchCase, BenchContext, Figures } from '../bench-case';
import { untilAllOpen, withLoad } from '../load-client';
import type { BenchServer } from '../servers/server';

const STREAMS = 18_000;
const MS_PER_S = 1_000;
const SETTLE_MS = 3_000;
/** Longer than the run: heartbeats would be counted as part of the scrapes. */
const NO_HEARTBEAT_MS = '3600000';
const BETWEEN_SCRAPES_MS = 100;
/** Prometheus's default is 60 s; many use 15 s. */
const SCRAPE_PERIOD_MS = 15_000;

const EMPTY = 'gateway without streams';
const FULL = 'gateway with 18,000 streams';

/** One scrape: its text, and how long it took. */
async function scrape(port: number): Promise<{ readonly text: string; readonly ms: number }> {
  const startMs = performance.now();
  const res = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await res.text();
  if (!res.ok) throw new Error(`/metrics answered ${res.status}: ${text}`);
  return { text, ms: performance.now() - startMs };
}

function seriesValue(text: string, series: string): number {
  const value = new RegExp(`^${series} (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`/metrics has no ${series}`);
  return Number(value);
}

async function measureScrapes({ pid, port }: BenchServer, { seconds }: BenchContext): Promise<Figures> {
  await scrape(port);
  const before = usageOf(pid).cpuSeconds;
  await pause(seconds * MS_PER_S);
  const idleS = usageOf(pid).cpuSeconds - before;
  const untilMs = performance.now() + seconds * MS_PER_S;
  const startS = usageOf(pid).cpuSeconds;
  let count = 0;
  let slowestMs = 0;
  let lagMaxMs = 0;
  let text = '';
  while (performance.now() < untilMs) {
    const found = await scrape(port);
    ({ text } = found);
    slowestMs = Math.max(slowestMs, found.ms);
    // Each scrape resets it, so this is the longest since the scrape before.
    if (count++ > 0)
      lagMaxMs = Math.max(lagMaxMs, seriesValue(text, 'nodejs_eventloop_lag_max_seconds') * MS_PER_S);
    await pause(BETWEEN_SCRAPES_MS);
  }
  const cpuMs = ((usageOf(pid).cpuSeconds - startS - idleS) * MS_PER_S) / count;
  return {
    streams: seriesValue(text, 'sse_gateway_streams_open'),
    cpuMs,
    cpuPercent: (cpuMs / SCRAPE_PERIOD_MS) * 100,
    slowestMs,
    lagMaxMs,
    kib: text.length / 1_024,
  };
}

export const scrapeCost: BenchCase = {
  name: 'scrape',
  about:
    'Scrapes /metrics ten times a second: processor time of one scrape, above that without scrapes; its share of ' +
    'a core at one scrape every 15 s; the slowest; the longest delay of the event loop, including the 10 ms of its timer.',
  subjects: [EMPTY, FULL],
  columns: [
    { name: 'streams', title: 'streams', digits: 0 },
    { name: 'cpuMs', title: 'CPU ms a scrape', digits: 2 },
    { name: 'cpuPercent', title: '% of a core at 15 s', digits: 3 },
    { name: 'slowestMs', title: 'slowest ms', digits: 1 },
    { name: 'lagMaxMs', title: 'event loop max ms', digits: 1 },
    { name: 'kib', title: 'KiB', digits: 1 },
  ],
  targets: [
    { subject: FULL, figure: 'cpuPercent', atMost: 1 },
    { subject: FULL, figure: 'lagMaxMs', atMost: 50 },
  ],
  measure: (subject, context) =>
    context.withServer({ name: 'gateway', env: { HEARTBEAT_MS: NO_HEARTBEAT_MS } }, (server) =>
      subject === EMPTY
        ? measureScrapes(server, context)
        : withLoad(server, { streams: context.scaled(STREAMS) }, async (load) => {
            await untilAllOpen(load);
            await pause(SETTLE_MS);
            return measureScrapes(server, context);
          }),
    ),
};
