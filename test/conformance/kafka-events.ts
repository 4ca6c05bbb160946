import { openStream } from '../support/sse-client';
import { fieldsOf, send, type Target } from './target';

/** Events of Kafka on `/events`, and whether Kafka is there. */
export function describeKafkaEvents(target: Target): void {
  describe('Kafka to Server-Sent Events', () => {
    it('GET /events MUST answer exactly its heads', async () => {
      const { status, fields } = fieldsOf(await send(target, 'GET', '/events').until('\r\n\r\n'));
      expect(status).toBe(200);
      expect(fields.get('content-type')).toBe('text/event-stream;charset=utf-8');
      expect(fields.get('cache-control')).toBe('no-cache, no-transform');
      expect(fields.get('connection')).toBe('keep-alive');
      expect(fields.get('x-accel-buffering')).toBe('no');
    });

    it('every event MUST have an id', async () => {
      const client = await openStream(`${target.url()}/events`);
      await client.until(({ events }) => events.length >= 2);
      for (const { id } of client.events) expect(id).toMatch(/^[A-Za-z0-9._~=,-]{1,128}$/);
    });

    it('GET /kafka/status MUST tell whether producer and consumer are connected', async () => {
      const res = await fetch(`${target.url()}/kafka/status`);
      expect(res.status).toBe(200);
      expect(await res.json()).toMatchObject({
        producer: { connected: true },
        consumer: { connected: true },
      });
    });

    it('GET / MUST list the endpoints', async () => {
      const res = await fetch(`${target.url()}/`, { headers: { Accept: 'application/json' } });
      const { endpoints } = (await res.json()) as { endpoints: Record<string, string> };
      expect(Object.keys(endpoints)).toEqual(expect.arrayContaining(['GET /events', 'GET /kafka/status']));
    });
  });
}
