import { openStream } from '../support/sse-client';
import { fieldsOf, freshChannel, publish, send, type Target } from './target';

/** Namespaces as the Go server sseserver has them (https://github.com/mroth/sseserver). */
export function describeNamespaces(target: Target): void {
  describe('Namespaces', () => {
    it('GET /subscribe/<namespace> MUST answer an event stream in UTF-8', async () => {
      const { status, fields } = fieldsOf(await send(target, 'GET', '/subscribe/pets').until('\r\n\r\n'));
      expect(status).toBe(200);
      expect(fields.get('content-type')).toBe('text/event-stream; charset=utf-8');
      expect(fields.get('cache-control')).toBe('no-cache');
      expect(fields.get('connection')).toBe('keep-alive');
    });

    it('a namespace MUST get the messages of those nested in it, by whole segments', async () => {
      const pets = freshChannel('pets');
      const [parent, dogs, prefix] = await Promise.all(
        [pets, `${pets}/dogs`, pets.slice(0, -1)].map((channel) =>
          openStream(`${target.url()}/subscribe${channel}`),
        ),
      );
      await publish(target, `${pets}/dogs`, 'Corgi');
      await publish(target, `${pets}/cats/small`, 'Persian');
      await publish(target, pets, 'any');
      await parent!.until(({ events }) => events.length === 3);
      expect(parent!.events.map(({ data }) => data).sort()).toEqual(['Corgi', 'Persian', 'any']);
      await dogs!.until(({ events }) => events.length === 1);
      await publish(target, pets.slice(0, -1), 'the prefix itself');
      await prefix!.until(({ events }) => events.length === 1);
      expect(prefix!.events[0]!.data).toBe('the prefix itself');
    });

    it('an event MUST carry its name, and one without MUST be a message', async () => {
      const pets = freshChannel('pets');
      const client = await openStream(`${target.url()}/subscribe${pets}`);
      await publish(target, pets, 'Terrier', '?event=new-dog&key=k');
      await publish(target, pets, 'LOLcat', '?key=k');
      await client.until(({ events }) => events.length === 2);
      expect(client.events.map(({ event, data }) => [event, data])).toEqual([
        ['new-dog', 'Terrier'],
        ['message', 'LOLcat'],
      ]);
    });

    it('the admin page MUST NOT be open to strangers', async () => {
      const res = await fetch(`${target.url()}/admin/status.json`, {
        headers: { 'X-Forwarded-For': '203.0.113.7' },
      });
      expect([401, 404]).toContain(res.status);
    });
  });
}
