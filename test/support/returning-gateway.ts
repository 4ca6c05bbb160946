import type { BrokerHolder } from './kafka';
import { type GatewayProcess, spawnGateway } from './process';
import { until } from './until';

/** A gateway that can be killed and started again on its port, whose clients come back at once. @param port 0: any */
export function spawnReturningGateway(kafka: BrokerHolder, port: number): Promise<GatewayProcess> {
  return spawnGateway({
    env: {
      KAFKA_BROKERS: kafka.bootstrap.join(','),
      PORT: String(port),
      RETRY_MIN_MS: '50',
      RETRY_MAX_MS: '100',
    },
  });
}

/** Posts `n-<from>` to before `n-<to>` in order, each again until it is stored. */
export async function publishNumbered(url: string, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const send = async () => (await fetch(`${url}/broadcast`, { method: 'POST', body: `n-${i}` })).status;
    await until(async () => (await send()) === 202, `event ${i} is stored`);
  }
}
