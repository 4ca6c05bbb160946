import { metadataRequest } from '../protocol/metadata-request';
import type { BrokerAddress } from './broker-address';
import type { BrokerLinks } from './broker-links';

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
