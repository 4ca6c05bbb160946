import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mainFile } from '../../infra/local/program';

/**
 * `node dist/src/main.js | head -3`: when the reader of standard output had gone, the process closed everything at
 * SIGTERM and then stayed for ever, waiting for its log to be flushed.
 */
describe('a gateway whose standard output has no reader any more', () => {
  it('still ends at SIGTERM', async () => {
    const env = { ...process.env, PORT: '0', EVENT_LOG: 'memory', LOG_LEVEL: 'trace', DRAIN_MS: '0' };
    const child = spawn(process.execPath, [mainFile()], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [first] = (await once(child.stdout, 'data')) as [Buffer];
      expect(first.toString()).toContain('"level"');
      child.stdout.destroy();
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit')) as [number | null];
      expect(code).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  }, 20_000);
});
