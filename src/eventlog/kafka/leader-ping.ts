import { type BrokerAddress, nameOf } from './broker-link';
import type { BrokerLinks } from './broker-links';
import type { LedPartition } from './cluster';
import { metadataRequest } from './metadata-request';
import { ERROR_CODE, ProtocolError } from './protocol-error';
import { keyOf } from './topic-partitions';

/** Each leader once. @throws ProtocolError when a partition has none */
export function leadersOf(partitions: readonly LedPartition[]): readonly BrokerAddress[] {
  const leaders = new Map<string, BrokerAddress>();
  for (const led of partitions) {
    if (led.leader === null) throw new ProtocolError(keyOf(led), ERROR_CODE.LEADER_NOT_AVAILABLE);
    leaders.set(nameOf(led.leader), led.leader);
  }
  return [...leaders.values()];
}

/** Asks each of these brokers for a sign of life. @throws Error when one of them gives none in time */
export async function pingAll(
  addresses: readonly BrokerAddress[],
  links: BrokerLinks,
  timeoutMs: number,
): Promise<void> {
  await Promise.all(
    addresses.map(async (address) => {
      const link = await links.get(address);
      await link.send(metadataRequest([]), timeoutMs);
    }),
  );
}
