import { startGateway } from '../support/gateway';
import { until } from '../support/until';

interface Status {
  consumer: {
    partitions: { position: string }[];
    currentAggregation: { currentBuffer: number; stats: Record<string, number | null> };
  };
}

describe('currentAggregation of GET /kafka/status', () => {
  it('sums up the open window of what this gateway delivers, without the summaries', async () => {
    const { url } = await startGateway({
      KAFKA_TOPICS: 'events-topic,events-summary-table=/summary',
      AGGREGATION_EVENTS: '4',
    });
    const post = async (channel: string, body: string) =>
      expect((await fetch(`${url}/broadcast${channel}`, { method: 'POST', body })).status).toBe(202);
    const aggregationAt = async (delivered: number) => {
      const { consumer } = await until(async () => {
        const status = (await (await fetch(`${url}/kafka/status`)).json()) as Status;
        const read = status.consumer.partitions.reduce((sum, { position }) => sum + Number(position), 0);
        return read === delivered ? status : null;
      }, `${delivered} records are read`);
      return consumer.currentAggregation;
    };

    const empty = { totalEvents: 0, sumOfValues: 0, minValue: null, maxValue: null };
    expect(await aggregationAt(0)).toEqual({
      currentBuffer: 0,
      stats: { ...empty, firstEventTime: null, lastEventTime: null },
    });

    const startMs = Date.now();
    await post('', '{"payload":{"times":5}}');
    await post('/summary', '{"value":1000}');
    await post('/pets', '{"value":7}');
    await post('', '{"payload":{"times":6}}');
    const { currentBuffer, stats } = await aggregationAt(4);
    expect(currentBuffer).toBe(3);
    expect(stats).toMatchObject({ totalEvents: 3, sumOfValues: 18, minValue: 5, maxValue: 7 });
    expect(stats.firstEventTime).toBeGreaterThanOrEqual(startMs);
    expect(stats.lastEventTime).toBeGreaterThanOrEqual(stats.firstEventTime!);
    expect(stats.lastEventTime).toBeLessThanOrEqual(Date.now());

    await post('', 'the fourth closes the window');
    expect(await aggregationAt(5)).toMatchObject({ currentBuffer: 0, stats: empty });
  });
});
