import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parsePs, type ReadProcesses, readProcesses, startSamples } from '../../../loadtest/run/samples';

describe('what processes take', () => {
  it('is read from the system, children included', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000); console.log("up")'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      const both = readProcesses([process.pid]).get(process.pid)!;
      const alone = readProcesses([child.pid!]).get(child.pid!)!;
      expect(alone.residentKiB).toBeGreaterThan(10_000);
      expect(both.residentKiB).toBeGreaterThan(alone.residentKiB + 10_000);
      expect(both.cpuSeconds).toBeGreaterThan(0);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(readProcesses([child.pid!]).size).toBe(0);
  });

  it('is read from ps where there is no /proc', () => {
    const text = '    7     1  2048  0:01.50\n    8     7  1024 1-02:03:04\n    9     1  4096 00:10\n';
    expect(parsePs(text, [7, 9, 10])).toEqual(
      new Map([
        [7, { residentKiB: 3_072, cpuSeconds: 1.5 + 86_400 + 2 * 3_600 + 3 * 60 + 4 }],
        [9, { residentKiB: 4_096, cpuSeconds: 10 }],
      ]),
    );
  });

  it('keeps its peak, and counts CPU between the marks', () => {
    jest.useFakeTimers({ doNotFake: ['performance'] });
    try {
      let residentKiB = 1_024;
      let cpuSeconds = 5;
      const read: ReadProcesses = (pids) => new Map(pids.map((pid) => [pid, { residentKiB, cpuSeconds }]));
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
