import { parseConfig } from '../../src/config';
import { createGateway, type Gateway } from '../../src/gateway';
import { createQuietLogger, type LogLine } from './quiet-logger';

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly logged: readonly LogLine[];
  readonly rejections: Gateway['rejections'];
  stop(): Promise<void>;
}

const running = new Set<TestGateway>();
const forAllTests = new Set<TestGateway>();

afterEach(async () => {
  for (const gateway of running) if (!forAllTests.has(gateway)) await gateway.stop();
});

afterAll(async () => {
  for (const gateway of running) await gateway.stop();
});

/** Keeps a gateway for all tests of the file. */
export function stopAfterAll(gateway: TestGateway): TestGateway {
  forAllTests.add(gateway);
  return gateway;
}

/** A whole gateway with a memory log in this process, on a port of its own; stopped after the test. */
export async function startGateway(env: Record<string, string> = {}): Promise<TestGateway> {
  const logger = createQuietLogger();
  const gateway = createGateway(
    parseConfig({
      EVENT_LOG: 'memory',
      HOST: '127.0.0.1',
      PORT: '0',
      TICK_MS: '0',
      DRAIN_MS: '0',
      SHUTDOWN_MS: '500',
      ...env,
    }),
    logger,
  );
  const port = await gateway.start();
  const started: TestGateway = {
    url: `http://127.0.0.1:${port}`,
    port,
    logged: logger.lines,
    rejections: gateway.rejections,
    async stop() {
      running.delete(started);
      await gateway.stop();
    },
  };
  running.add(started);
  return started;
}
