import { type Stack, startStack } from '../../infra/local/start-stack';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

/** Kafka, gateways and nginx on a busy machine; the first start also downloads Kafka. */
const START_LIMIT_MS = 300_000;

describe('the local stack as a whole', () => {
  const output: string[] = [];
  const reports: string[] = [];
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      gateways: 2,
      tickMs: 100,
      log: (line) => reports.push(line),
      onOutput: (name, line) => output.push(`${name}: ${line}`),
    });
  }, START_LIMIT_MS);

  afterAll(() => stack?.close(), START_LIMIT_MS);

  it(
    'reports a gateway that died, goes on without it, and takes it back',
    async () => {
      const [first] = stack.gateways;
      const { pid } = first!;
      process.kill(pid, 'SIGKILL');
      await until(() => reports.includes('gateway-1 died: SIGKILL'), 'the death is reported');
      for (let i = 0; i < 4; i++) {
        const client = await openStream(`${stack.url}/sse`);
        await client.until(({ events }) => events.length > 0);
      }
      await first!.start();
      expect(first!.pid).not.toBe(pid);
    },
    START_LIMIT_MS,
  );

  it(
    'leaves no process and no port behind, and no error in any log',
    async () => {
      const pids = [...stack.gateways, stack.ticker!, stack.nginx].map(({ pid }) => pid);
      pids.push(stack.broker!.pid());
      await stack.close();
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      for (const { url } of [...stack.gateways, stack.nginx]) {
        await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
      }
      expect(output.filter((line) => /gateway-\d: .*"level":(50|60)/.test(line))).toEqual([]);
    },
    START_LIMIT_MS,
  );
});
