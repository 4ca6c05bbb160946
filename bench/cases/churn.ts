import { usageOf } from '../../infra/local/process-usage';
import type { BenchCase, BenchContext } from '../bench-case';
import { withLoad } from '../load-client';
import { slopeOf } from '../statistics';

const STREAMS = 1_000;
const CHURN_PER_S = 100;
const EVENTS_PER_S = 1;
const SAMPLE_MS = 1_000;
/** The heap reaches its working size first. */
const UNCOUNTED_SHARE = 0.3;
const SECONDS_PER_MINUTE = 60;
const BYTES_PER_KIB = 1_024;
const KIB_PER_MIB = 1_024;

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
    context.withServer({ name: 'gateway', eventsPerS: EVENTS_PER_S }, (server) => {
      const seconds = context.churnMinutes * SECONDS_PER_MINUTE;
      const load = { streams: context.scaled(STREAMS), seconds, churnPerS: CHURN_PER_S };
      return withLoad(server, load, async ({ measuring, measured, result }) => {
        await measuring;
        const publishing = await server.publish();
        const sampling = startSampling(server.pid, context);
        try {
          await measured;
        } finally {
          sampling.stop();
        }
        await publishing.stop();
        const { churned, failed } = await result;
        const counted = sampling.samples.filter(([second]) => second >= seconds * UNCOUNTED_SHARE);
        const kibPerS = slopeOf(counted);
        return {
          connects: churned,
          kibPerMinute: kibPerS * SECONDS_PER_MINUTE,
          bytesPerConnect: (kibPerS * BYTES_PER_KIB) / CHURN_PER_S,
          startMib: (counted[0]?.[1] ?? 0) / KIB_PER_MIB,
          endMib: (counted.at(-1)?.[1] ?? 0) / KIB_PER_MIB,
          failed,
        };
      });
    }),
};

/** Samples the resident memory of the server each second, and prints it each minute. */
function startSampling(pid: number, { print }: BenchContext) {
  const startMs = performance.now();
  const samples: [seconds: number, residentKib: number][] = [];
  const timer = setInterval(() => {
    const { residentKiB } = usageOf(pid);
    samples.push([(performance.now() - startMs) / 1_000, residentKiB]);
    if (samples.length % SECONDS_PER_MINUTE === 0) {
      print(`  ${samples.length / SECONDS_PER_MINUTE} min: ${Math.round(residentKiB / KIB_PER_MIB)} MiB`);
    }
  }, SAMPLE_MS);
  return { samples, stop: () => clearInterval(timer) };
}
