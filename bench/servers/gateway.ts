import { setTimeout as pause } from 'node:timers/promises';
import { mainFile, readyFault } from '../../infra/local/program';
import { createKafkaProducer } from '../kafka-producer';
import { createBatchPoster } from '../post-batches';
import { startPublisher } from '../publisher';
import { startListening } from './listening';
import { type BenchServer, LISTEN_DEADLINE_MS, type ServerSetup, STOP_DEADLINE_MS } from './server';

const READY_PAUSE_MS = 50;

/**
 * This gateway as it is delivered: the built program with default settings in a process of its own, ids, channels,
 * heartbeats and limits included. Only the ticker is off, so that the events are those of the benchmark.
 */
export async function startGateway(setup: ServerSetup): Promise<BenchServer> {
  const { broker, env = {}, nodeArgs = [] } = setup;
  const log: Record<string, string> =
    broker === null ? { EVENT_LOG: 'memory' } : { KAFKA_BROKERS: broker.bootstrap.join(',') };
  const { child, port } = await startListening({
    name: 'gateway',
    command: setup.node,
    args: [...nodeArgs, mainFile(), 'serve'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      PORT: '0',
      HOST: '127.0.0.1',
      TICK_MS: '0',
      ...log,
      ...env,
    },
    ...(setup.onLine === undefined ? {} : { onLine: setup.onLine }),
  });
  const close = async (): Promise<void> => {
    await child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS });
  };
  try {
    await untilReady(port);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name: setup.name,
    pid: child.pid,
    port,
    exited: child.exited,
    signal: child.signal,
    close,
    async publish() {
      const source = broker === null ? createBatchPoster(port) : await createKafkaProducer(broker.bootstrap);
      const publisher = startPublisher({ ...setup, send: source.send });
      return {
        async stop() {
          try {
            return await publisher.stop();
          } finally {
            await source.close();
          }
        },
      };
    },
  };
}

async function untilReady(port: number): Promise<void> {
  const deadline = Date.now() + LISTEN_DEADLINE_MS;
  for (;;) {
    const fault = await readyFault(`http://127.0.0.1:${port}`);
    if (fault === null) return;
    if (Date.now() > deadline) throw new Error(`the gateway is not ready: ${fault}`);
    await pause(READY_PAUSE_MS);
  }
}
