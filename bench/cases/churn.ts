import { residentBytes } from '../../infra/local/process-usage';
import type { BenchCase } from '../bench-case';
import { startLoad } from '../load-client';
import { slopeOf } from '../statistics';

const STREAMS = 1_000;
const CHURN_PER_S = 100;
const EVENTS_PER_S = 1;
const SAMPLE_MS = 1_000;
/** The heap grows to its size first. */
const UNCOUNTED_SHARE = 0.3;
const SECONDS_PER_MINUTE = 60;
const KIB = 1_024;
const MIB = KIB * KIB;

export const churn: BenchCase = {
  name: 'churn',
  about:
    '1,000 streams of which 100 are closed and opened again each second, with 1 event/s: the slope of resident memory over ' +
    'the last 70 % of the time (--churn-minutes), which shows what a connection leaves behind.',
  subjects: ['gateway'],
  columns: [
    { name: 'connects', title: 'connects', digits: 0 },
    { name: 'kibPerMinute', title: 'KiB per minute', digits: 1 },
    { name: 'bytesPerConnect', title: 'bytes per connect', digits: 1 },
    { name: 'startMib', title: 'first, MiB', digits: 1 },
    { name: 'endMib', title: 'last, MiB', digits: 1 },
    { name: 'failed', title: 'failed', digits: 0 },
  ],
  targets: [
    { subject: 'gateway', figure: 'bytesPerConnect', atMost: 64 },
    { subject: 'gateway', figure: 'failed', atMost: 0 },
  ],
  measure: (_, context) =>
    context.withServer({ name: 'gateway', eventsPerS: EVENTS_PER_S }, async (server) => {
      const seconds = context.churnMinutes * SECONDS_PER_MINUTE;
      const load = startLoad({
        port: server.port,
        streams: context.scaled(STREAMS),
        seconds,
        churnPerS: CHURN_PER_S,
        serverPid: server.pid,
      });
      try {
        await load.measuring;
        const publishing = await server.publish();
        const startMs = performance.now();
        const samples: [seconds: number, bytes: number][] = [];
        const timer = setInterval(() => {
          samples.push([(performance.now() - startMs) / 1_000, residentBytes(server.pid)]);
          if (samples.length % SECONDS_PER_MINUTE === 0) {
            context.print(
              `  ${samples.length / SECONDS_PER_MINUTE} min: ${Math.round(samples.at(-1)![1] / MIB)} MiB`,
            );
          }
        }, SAMPLE_MS);
        try {
          await load.measured;
        } finally {
          clearInterval(timer);
        }
        await publishing.stop();
        const { churned, failed } = await load.result;
        const counted = samples.filter(([second]) => second >= seconds * UNCOUNTED_SHARE);
        const bytesPerS = slopeOf(counted);
        return {
          connects: churned,
          kibPerMinute: (bytesPerS * SECONDS_PER_MINUTE) / KIB,
          bytesPerConnect: bytesPerS / CHURN_PER_S,
          startMib: (counted[0]?.[1] ?? 0) / MIB,
          endMib: (counted.at(-1)?.[1] ?? 0) / MIB,
          failed,
        };
      } finally {
        await load.kill();
      }
    }),
};
