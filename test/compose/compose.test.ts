import { type Compose, createCompose, docker } from '../support/compose';
import { openEventSource, ownOf, recordsOf, type TestEventSource } from '../support/event-source';
import { type Publisher, startPublisher } from '../support/publisher';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

const LIMIT_MS = 600_000;
const CATCH_UP_MS = 60_000;
/** DRAIN_MS and SHUTDOWN_MS of the gateways, the grace of nginx, and Kafka's own stop. */
const DOWN_LIMIT_MS = 60_000;
const CLIENTS = 30;

const print = (line: string) => process.stdout.write(`  ${line}\n`);
const seconds = (sinceMs: number) => `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;

describe('docker compose', () => {
  let compose: Compose;
  let publisher: Publisher | null = null;

  beforeAll(async () => {
    compose = await createCompose();
    const startMs = performance.now();
    await compose.run('up', '--build', '--detach', '--wait', '--wait-timeout', '300');
    print(`up, built and healthy after ${seconds(startMs)}`);
  }, LIMIT_MS);

  afterEach(async () => {
    await publisher?.stop();
    publisher = null;
  });

  afterAll(async () => {
    await compose.close();
  }, LIMIT_MS);

  const publish = () => {
    // Not more than a person would notice: this is about whole processes, not load.
    publisher = startPublisher([compose.url], { callers: 1, prefix: `p${Date.now()}` });
    return publisher;
  };

  async function openClients(): Promise<TestEventSource[]> {
    const clients = Array.from({ length: CLIENTS }, () => openEventSource(`${compose.url}/sse`));
    await until(() => clients.every(({ isOpen }) => isOpen), 'all clients are open', CATCH_UP_MS);
    return clients;
  }

  /** Every client has, once each and in the log's order, what was stored; and none would have given up. */
  async function expectComplete(clients: readonly TestEventSource[], { stored }: Publisher): Promise<void> {
    const expected = [...stored]
      .sort(([, a], [, b]) => Number(a.offset) - Number(b.offset))
      .map(([data]) => data);
    expect(expected.length).toBeGreaterThan(50);
    const got = (client: TestEventSource) =>
      recordsOf(client)
        .map(({ data }) => data)
        .filter((data) => stored.has(data));
    const isComplete = (client: TestEventSource) => new Set(got(client)).size === expected.length;
    await until(() => clients.every(isComplete), 'all clients have all that was stored', CATCH_UP_MS);
    for (const client of clients) {
      expect(client.failure).toBeNull();
      expect(got(client)).toEqual(expected);
      expect(ownOf(client, 'gap')).toEqual([]);
      expect(ownOf(client, 'reset')).toEqual([]);
    }
  }

  /** Open streams of each replica. */
  async function streamCounts(): Promise<number[]> {
    const ask =
      "fetch('http://127.0.0.1:3000/connections').then((r) => r.text()).then((t) => console.log(t))";
    const ids = await compose.containers('gateway');
    return Promise.all(ids.map(async (id) => Number(await docker(['exec', id, 'node', '-e', ask]))));
  }

  it('shows ticks and what is posted, through nginx', async () => {
    const stream = await openStream(`${compose.url}/sse`);
    await stream.until(({ events }) => events.filter(({ data }) => data.includes('"times"')).length >= 2);
    const answer = await fetch(`${compose.url}/broadcast/pets`, { method: 'POST', body: 'Rex' });
    expect(answer.status).toBe(202);
    await stream.until(({ events }) => events.some(({ data }) => data === 'Rex'));
    const summaries = await openStream(`${compose.url}/subscribe/summary`);
    await summaries.until(({ events }) => events.some(({ event }) => event === 'summary'), 40_000);
  }, 60_000);

  it(
    'loses nothing when all gateways are restarted',
    async () => {
      const clients = await openClients();
      const published = publish();
      await until(() => published.stored.size > 50, 'events flow');
      const startMs = performance.now();
      await compose.run('restart', 'gateway');
      print(`restarted three gateways with ${CLIENTS} streams in ${seconds(startMs)}`);
      const before = published.stored.size;
      await until(() => published.stored.size > before + 50, 'events flow again', CATCH_UP_MS);
      await published.stop();
      await expectComplete(clients, published);
      expect(clients.every(({ connections }) => connections >= 2)).toBe(true);
    },
    LIMIT_MS,
  );

  it(
    'loses nothing when a gateway dies, and gives its streams to the others',
    async () => {
      const clients = await openClients();
      const published = publish();
      const [id] = await compose.containers('gateway');
      await docker(['kill', id!]);
      const startMs = performance.now();
      await until(
        () => clients.every(({ isOpen, connections }) => isOpen || connections === 0),
        'all clients are open',
        CATCH_UP_MS,
      );
      print(`all clients were open again ${seconds(startMs)} after a gateway was killed`);
      await until(() => published.stored.size > 100, 'events flow', CATCH_UP_MS);
      await published.stop();
      await expectComplete(clients, published);
      await docker(['start', id!]);
    },
    LIMIT_MS,
  );

  it(
    'gives streams to a gateway that is added',
    async () => {
      await compose.run('up', '--detach', '--no-recreate', '--wait', '--scale', 'gateway=4', 'gateway');
      const startMs = performance.now();
      let counts: number[] = [];
      await until(
        async () => {
          const stream = await openStream(`${compose.url}/sse`);
          expect(stream.headers).not.toHaveProperty('x-sse-unavailable');
          counts = await streamCounts();
          return counts.length === 4 && counts.every((count) => count > 0);
        },
        'each of four gateways has a stream',
        CATCH_UP_MS,
      );
      print(`streams of four gateways ${counts.join(', ')} after ${seconds(startMs)}`);
    },
    LIMIT_MS,
  );

  it(
    'stops within the time that it is given, with nothing killed',
    async () => {
      const clients = await openClients();
      const memory = await compose.run('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}');
      print(memory.trimEnd().replaceAll('\n', '\n  '));
      const startMs = performance.now();
      await compose.run('stop');
      print(`stopped with ${clients.length} clients in ${seconds(startMs)}`);
      expect(performance.now() - startMs).toBeLessThan(DOWN_LIMIT_MS);
      for (const service of ['gateway', 'ticker', 'aggregator', 'nginx']) {
        for (const id of await compose.containers(service)) {
          const code = await docker(['inspect', '--format', '{{.State.ExitCode}}', id]);
          expect([service, code.trim()]).toEqual([service, '0']);
        }
      }
    },
    LIMIT_MS,
  );
});
