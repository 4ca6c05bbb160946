import { mainFile, readyFault } from '../../infra/local/program';
import { untilUp } from '../../infra/local/until-up';
import { createKafkaProducer } from '../kafka-producer';
import { createBatchPoster } from '../post-batches';
import { startPublisher } from '../publisher';
import { startListening } from './listening';
import { type BenchServer, LISTEN_DEADLINE_MS, type ServerSetup } from './server';

const READY_PAUSE_MS = 50;

/**
 * This gateway as it is shipped: the built program with default settings in a separate process, ids, channels, heartbeats
 * and limits included. Only the ticker is off, so that the events are those of the benchmark.
 */
export async function startGateway(setup: ServerSetup, checkout: string): Promise<BenchServer> {
  const { broker, env = {}, nodeArgs = [] } = setup;
  const log: Record<string, string> =
    broker === null ? { EVENT_LOG: 'memory' } : { KAFKA_BROKERS: broker.bootstrap.join(',') };
  const { child, server } = await startListening({
    name: setup.name,
    command: setup.node,
    args: [...nodeArgs, mainFile(checkout), 'serve'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      PORT: '0',
      HOST: '127.0.0.1',
      TICK_MS: '0',
      ...log,
      ...env,
    },
    onLine: setup.onLine,
  });
  try {
    await untilUp(child, () => readyFault(`http://127.0.0.1:${server.port}`), {
      deadlineMs: LISTEN_DEADLINE_MS,
      pauseMs: READY_PAUSE_MS,
    });
  } catch (error) {
    await server.close();
    throw error;
  }
  return {
    ...server,
    async publish() {
      const inlet =
        broker === null ? createBatchPoster(server.port) : await createKafkaProducer(broker.bootstrap);
      return startPublisher({ ...setup, inlet });
    },
  };
}
