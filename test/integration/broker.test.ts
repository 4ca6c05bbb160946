import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../../infra/local/broker';
import { liveBrokers } from '../../infra/local/broker-probe';
import { useBroker } from '../support/kafka';

/** A killed broker may rejoin only when its old session is over (broker.session.timeout.ms). */
const LIMIT_MS = 60_000;
const PROBE_MS = 1_000;

function probe(address: string): Promise<number[]> {
  const [host, port] = address.split(':');
  return liveBrokers(host!, Number(port), PROBE_MS);
}

describe('a local broker', () => {
  const holder = useBroker();

  it(
    'can be paused, killed, stopped and started again on its port',
    async () => {
      const { broker } = holder;
      const [address] = broker.bootstrap;
      expect(await probe(address!)).toEqual([1]);

      await broker.pause();
      await expect(probe(address!)).rejects.toThrow('no answer');
      broker.resume();
      expect(await probe(address!)).toEqual([1]);

      for (const end of [broker.kill, broker.stop]) {
        const pid = broker.pid();
        await end();
        expect(() => process.kill(pid, 0)).toThrow('ESRCH');
        expect(() => broker.pid()).toThrow('does not run');
        await expect(probe(address!)).rejects.toThrow('ECONNREFUSED');
        await broker.start();
        expect(broker.pid()).not.toBe(pid);
        expect(await probe(address!)).toEqual([1]);
      }
    },
    LIMIT_MS,
  );

  it('refuses a port that is taken', async () => {
    const port = Number(holder.bootstrap[0]!.split(':')[1]);
    await expect(startBroker({ port })).rejects.toThrow(`port ${port}, wanted for Kafka broker 1, is taken`);
  });

  it(
    'tells when it dies by itself, and leaves nothing behind',
    async () => {
      const crashes: unknown[] = [];
      let crashed = (): void => undefined;
      const crash = new Promise<void>((done) => {
        crashed = done;
      });
      const broker = await startBroker({
        onCrash: (index, exit) => {
          crashes.push([index, exit]);
          crashed();
        },
      });
      try {
        process.kill(broker.pid(), 'SIGKILL');
        await crash;
        expect(crashes).toEqual([[0, { code: null, signal: 'SIGKILL' }]]);
      } finally {
        await broker.close();
      }
      await expect(probe(broker.bootstrap[0]!)).rejects.toThrow('ECONNREFUSED');
    },
    LIMIT_MS,
  );

  it(
    'says why it did not start, with the broker’s own words',
    async () => {
      await expect(startBroker({ properties: { 'log.segment.bytes': 'many' } })).rejects.toThrow(
        /log\.segment\.bytes/,
      );
    },
    LIMIT_MS,
  );

  it(
    'keeps its data where it is told to, for the same number of brokers',
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'broker-test-'));
      try {
        const meta = (): Promise<string> => readFile(join(dataDir, 'broker-1/log/meta.properties'), 'utf8');
        await (await startBroker({ dataDir })).close();
        const before = await meta();
        expect(before).toContain('cluster.id=');
        await (await startBroker({ dataDir })).close();
        expect(await meta()).toBe(before);
        await expect(startBroker({ dataDir, count: 3 })).rejects.toThrow('a cluster of 1 brokers, not 3');
        expect(await meta()).toBe(before);
      } finally {
        await rm(dataDir, { recursive: true });
      }
    },
    LIMIT_MS,
  );

  it(
    'comes as a cluster of three, too, which goes on without one of them',
    async () => {
      const cluster = await startBroker({ count: 3 });
      try {
        expect(new Set(cluster.bootstrap).size).toBe(3);
        await cluster.stop(0);
        expect(await probe(cluster.bootstrap[1]!)).toEqual([2, 3]);
        await cluster.start(0);
        expect(await probe(cluster.bootstrap[0]!)).toEqual([1, 2, 3]);
      } finally {
        await cluster.close();
      }
    },
    LIMIT_MS,
  );
});
