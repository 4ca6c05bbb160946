import type { ReadUsage } from '../../../infra/local/process-usage';
import { startSamples } from '../../../loadtest/run/samples';

describe('what the parts of a run take', () => {
  it('keeps its peak, and counts CPU between the marks', () => {
    jest.useFakeTimers({ doNotFake: ['performance'] });
    try {
      let residentKiB = 1_024;
      let cpuSeconds = 5;
      const read: ReadUsage = (pids) => new Map(pids.map((pid) => [pid, { residentKiB, cpuSeconds }]));
      const samples = startSamples(() => new Map([['nginx', [7]]]), read);
      samples.mark();
      residentKiB = 10_240;
      jest.advanceTimersByTime(10_000);
      residentKiB = 2_048;
      cpuSeconds = 6;
      samples.markEnd();
      cpuSeconds = 1_000;
      jest.advanceTimersByTime(10_000);
      samples.stop();
      const [nginx] = samples.figures();
      expect(nginx).toMatchObject({ name: 'nginx', peakMiB: 10, lastMiB: 2 });
      // One second of processor time in next to no time, and not the thousand that came later.
      expect(nginx!.cpuPercent).toBeGreaterThan(0);
      expect(nginx!.cpuPercent).toBeLessThanOrEqual(100_000);
    } finally {
      jest.useRealTimers();
    }
  });
});
