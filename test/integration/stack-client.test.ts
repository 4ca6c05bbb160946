import type { StreamGap, StreamReset, StreamStatus } from '../../src/client/event-stream';
import { openEventStream } from '../support/event-stream';
import { useBroker } from '../support/kafka';
import { publishNumbered, spawnReturningGateway } from '../support/returning-gateway';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const LIMIT_MS = 60_000;

describe('the client library at a gateway with Kafka', () => {
  const kafka = useBroker();
  const topic = () => topicAt(kafka.bootstrap, 'events-topic');

  const start = (port = 0) => spawnReturningGateway(kafka, port);

  const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `n-${from + i}`);

  it(
    'goes on where it was when its gateway is killed and comes back, and says what retention took',
    async () => {
      const [gateway, other] = [await start(), await start()];
      const told: (StreamGap | StreamReset | StreamStatus)[] = [];
      const tell = (notice: StreamGap | StreamReset | StreamStatus) => told.push(notice);
      const { stream, events, errors } = openEventStream(`${gateway.url}/sse`, {
        onGap: tell,
        onReset: tell,
        onStatus: tell,
      });
      const data = () => events.map((event) => event.data);
      await until(() => stream.lastEventId !== '', 'it has begun');
      await publishNumbered(other.url, 0, 10);
      await until(() => events.length === 10, 'it has ten');

      await gateway.kill();
      await publishNumbered(other.url, 10, 40);
      await until(() => errors.length > 1, 'it has tried in vain');
      const again = await start(gateway.port);
      await publishNumbered(again.url, 40, 50);
      await until(() => events.length === 50, 'it has all');
      expect(data()).toEqual(numbered(0, 50));
      expect(told).toEqual([]);

      await again.kill();
      await publishNumbered(other.url, 50, 60);
      await topic().trim([55n]);
      await start(gateway.port);
      await until(() => events.length === 55, 'it has what is left');
      expect(data().slice(50)).toEqual(numbered(55, 60));
      expect(told).toEqual([
        {
          reason: 'retention',
          topic: 'events-topic',
          partition: 0,
          requested: '50',
          available: '55',
          lost: 5,
        },
      ]);
    },
    LIMIT_MS,
  );

  it(
    'is told that the topic was made anew while it was away',
    async () => {
      const gateway = await start();
      const resets: StreamReset[] = [];
      const { stream, events } = openEventStream(`${gateway.url}/sse`, { onReset: (it) => resets.push(it) });
      await until(() => stream.lastEventId !== '', 'it has begun');
      await gateway.kill();
      await topic().recreate(1);
      const again = await start(gateway.port);
      await until(() => resets.length === 1, 'it is told');
      expect(resets).toEqual([{ reason: 'topic', topics: ['events-topic'] }]);
      await publishNumbered(again.url, 0, 3);
      await until(() => events.length === 3, 'it goes on');
      expect(events.map(({ data }) => data)).toEqual(numbered(0, 3));
    },
    LIMIT_MS,
  );
});
