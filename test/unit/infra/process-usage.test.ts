import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { treesFromPs, usageIfRunning, usageOf, usageWithChildren } from '../../../infra/local/process-usage';

describe('what a process takes', () => {
  it('is read from the system, children included', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000); console.log("up")'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      const both = usageWithChildren([process.pid]).get(process.pid)!;
      const alone = usageWithChildren([child.pid!]).get(child.pid!)!;
      expect(alone.residentKiB).toBeGreaterThan(10_000);
      expect(both.residentKiB).toBeGreaterThan(alone.residentKiB + 10_000);
      expect(both.cpuSeconds).toBeGreaterThan(0);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(usageWithChildren([child.pid!]).size).toBe(0);
    expect(usageIfRunning(child.pid!)).toBeNull();
    expect(() => usageOf(child.pid!)).toThrow('does not run');
  });

  it('is read from ps where there is no /proc', () => {
    const text = '    7     1  2048  0:01.50\n    8     7  1024 1-02:03:04\n    9     1  4096 00:10\n';
    expect(treesFromPs(text, [7, 9, 10])).toEqual(
      new Map([
        [7, { residentKiB: 3_072, cpuSeconds: 1.5 + 86_400 + 2 * 3_600 + 3 * 60 + 4 }],
        [9, { residentKiB: 4_096, cpuSeconds: 10 }],
      ]),
    );
  });
});
