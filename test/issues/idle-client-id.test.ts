import { seenBy } from '../support/id-commit';
import { useBroker } from '../support/kafka';
import { spawnReturningGateway } from '../support/returning-gateway';
import { openStream } from '../support/sse-client';
import { topicAt } from '../support/topic';

jest.setTimeout(60_000);

/** Eleven client libraries take an id only together with data: they had none before their first event. */
describe('a client that takes ids only with data, and has received nothing', () => {
  const kafka = useBroker();

  it.each(['/events', '/sse', '/subscribe'])(
    'gets on %s what was published while its gateway was dead',
    async (path) => {
      const gateway = await spawnReturningGateway(kafka, 0);
      const idle = await openStream(gateway.url + path);
      const lastEventId = () => seenBy('with-data', idle.text()).lastEventId;
      await idle.until(() => lastEventId() !== '');
      expect(idle.events).toEqual([]);
      await gateway.kill();

      const missed = ['missed 1', 'missed 2', 'missed 3'];
      await topicAt(kafka.bootstrap, 'events-topic').produce(
        missed.map((value) => ({ value, partition: 0 })),
      );
      const back = await spawnReturningGateway(kafka, gateway.port);
      const again = await openStream(back.url + path, { headers: { 'Last-Event-ID': lastEventId() } });
      await again.until(({ events }) => events.some(({ event }) => event === 'gateway.live'), 20_000);
      const data = again.events.filter(({ event }) => event === 'message').map((event) => event.data);
      expect(data).toEqual(missed);
      await back.kill();
    },
  );
});
