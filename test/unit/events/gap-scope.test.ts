import { createSubscription, wantsCandidate } from '../../../src/hub/subscription';
import { createTestFeed, layoutAt, TOPIC } from '../../support/feed';

it('a gap is told to the streams that can see its topic, and to no others', () => {
  const { feed, hub } = createTestFeed();
  const { clusterId, partitions } = layoutAt(0n);
  const other = { ...partitions[0]!, topic: 'b', topicId: 'b' };
  feed.onStart({ clusterId, partitions: [...partitions, other], unavailable: [] });
  feed.onGap({ topic: 'b', partition: 0, from: 0n, to: 7n, reason: 'retention' });
  feed.onGap({ topic: TOPIC, partition: 0, from: 0n, to: 9n, reason: 'codec' });
  const { ring } = hub;
  const told = (channel: string) => {
    const subscription = createSubscription({ channels: [channel] });
    const entries = Array.from({ length: ring.head - ring.base }, (_, i) => ring.at(ring.base + i));
    return entries.filter((entry) => wantsCandidate(subscription, entry)).map(({ slot }) => slot);
  };
  expect(told('/b/x')).toEqual([1, 0]);
  expect(told('/a')).toEqual([0]);
});
