import { createApiKeys } from '../../src/auth/publish-guard';
import { parseConfig } from '../../src/config';
import { parseApiKey } from '../../src/config/auth-settings';
import { plainTopic } from '../../src/config/topic-settings';
import { faultsOf } from '../support/config-faults';
import { createTestFeed, layoutAt, TOPIC } from '../support/feed';
import { startGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';
import { hmacToken, JWT_SECRET } from '../support/tokens';

/** 3,000 records with the header `channel: cust-21` came as 3,000 `gateway.undecodable`, without a reason or a log line. */
function recordOn(channel: string | Buffer, offset: number) {
  const headers = [{ key: 'channel', value: Buffer.from(channel) }];
  return { offset: BigInt(offset), timestampMs: 1_000, key: null, value: Buffer.from('x'), headers };
}

describe('a channel without its leading slash is the same channel', () => {
  it('in the header of 3,000 records', () => {
    const { feed, hub } = createTestFeed();
    feed.onStart(layoutAt(0n));
    const records = Array.from({ length: 3_000 }, (_, i) => recordOn('cust-21', i));
    feed.onRecords({ topic: TOPIC, partition: 0, leaderEpoch: 0, records, next: 3_000n });
    for (let seq = hub.ring.base; seq < hub.ring.head; seq++) {
      expect(hub.ring.at(seq)).toMatchObject({ channel: '/cust-21', event: null });
    }
    const undecodable = Object.values(feed.stats().records[TOPIC]!.undecodable);
    expect(undecodable.every((count) => count === 0)).toBe(true);
  });

  it('in a batch, and in the query of a stream', async () => {
    const { url } = await startGateway();
    const stream = await openStream(`${url}/events?channel=cust-21`);
    const answer = await fetch(`${url}/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify([{ channel: 'cust-21/orders', data: 'paid' }]),
    });
    expect(await answer.json()).toMatchObject({ results: [{ status: 202, channel: '/cust-21/orders' }] });
    await stream.until(({ events }) => events.some(({ data }) => data === 'paid'));
  });

  it('in the settings', () => {
    const config = parseConfig({
      KAFKA_TOPICS: 'orders=shop/orders',
      API_KEYS: 'shop=sixteen-or-more-characters;shop',
      JWT_SECRET,
      PUBLIC_CHANNELS: 'news,/sport',
    });
    expect(config.topics).toEqual([plainTopic('orders', '/shop/orders')]);
    expect(config.auth.publicChannels).toEqual(['/news', '/sport']);
    expect(createApiKeys(config.auth.apiKeys).find('sixteen-or-more-characters')?.channels).toEqual([
      '/shop',
    ]);
  });

  it('in the claims of a token', async () => {
    const { url } = await startGateway({ JWT_SECRET });
    const token = hmacToken({ subscribe: ['cust-21'] });
    const headers = { Authorization: `Bearer ${token}` };
    expect((await openStream(`${url}/subscribe/cust-21`, { headers })).status).toBe(200);
    expect((await fetch(`${url}/subscribe/cust-22`, { headers })).status).toBe(403);
  });

  it('but an empty channel is not the root channel', async () => {
    expect(faultsOf({ KAFKA_TOPICS: 'orders=' })[0]).toContain('must not be empty');
    expect(parseApiKey('shop=sixteen-or-more-characters;')).toContain('must not be empty');
    const { url } = await startGateway();
    const answer = await fetch(`${url}/events?channel=`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'bad-channel', detail: 'channel must not be empty' });
  });
});
