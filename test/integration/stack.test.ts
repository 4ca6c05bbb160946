import { type Stack, startStack } from '../../infra/local/start-stack';
import { kafkaTier } from '../support/kafka';
import { nginxTier } from '../support/nginx';

const missing = [kafkaTier().reason, nginxTier().reason].filter((reason) => reason !== '').join(' ');
const withStack = missing === '' ? describe : describe.skip;
/** Kafka, three gateways and nginx on a busy machine; the first start also downloads Kafka. */
const START_LIMIT_MS = 300_000;
const LIMIT_MS = 60_000;

/** Reads a stream until `text` has come; the connection ends with it. */
async function receive(url: string, text: string, onOpen: () => Promise<void>): Promise<string> {
  const response = await fetch(url, { headers: { accept: 'text/event-stream' } });
  expect(response.status).toBe(200);
  let received = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    const first = received === '';
    received += decoder.decode(chunk, { stream: true });
    if (first) await onOpen();
    if (received.includes(text)) return received;
  }
  throw new Error(`the stream ended without ${JSON.stringify(text)}: ${JSON.stringify(received)}`);
}

async function post(url: string, body: string): Promise<void> {
  const response = await fetch(url, { method: 'POST', body });
  const answer = await response.text();
  if (response.status !== 202) throw new Error(`POST ${url} answers ${response.status} ${answer}`);
}

withStack(`the local stack${missing}`, () => {
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

  afterAll(async () => {
    await stack?.close();
  }, LIMIT_MS);

  it(
    'carries an event from one gateway to the streams of the other, and through nginx',
    async () => {
      const [first, second] = stack.gateways;
      for (const [from, to] of [
        [first!.url, second!.url],
        [second!.url, first!.url],
        [stack.url, stack.url],
      ] as const) {
        const data = `from ${from}`;
        const received = await receive(`${to}/subscribe/pets`, `data: ${data}\n\n`, () =>
          post(`${from}/broadcast/pets/dogs`, data),
        );
        expect(received.startsWith(':ok\n\n')).toBe(true);
      }
    },
    LIMIT_MS,
  );

  it(
    'ticks',
    async () => {
      await receive(`${stack.url}/sse`, '"times":', async () => undefined);
    },
    LIMIT_MS,
  );

  it(
    'goes on without a gateway, reports its death, and takes it back',
    async () => {
      const [first] = stack.gateways;
      const pid = first!.pid;
      process.kill(pid, 'SIGKILL');
      for (let i = 0; i < 4; i++) {
        await receive(`${stack.url}/sse`, '"times":', async () => undefined);
      }
      expect(reports).toContain('gateway-1 died: SIGKILL');
      await first!.start();
      expect(first!.pid).not.toBe(pid);
      await receive(`${first!.url}/sse`, '"times":', async () => undefined);
    },
    LIMIT_MS,
  );

  it(
    'leaves no process and no port behind',
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
    LIMIT_MS,
  );
});
