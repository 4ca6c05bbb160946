import { openStream } from '../support/sse-client';
import { streamFaults } from '../support/stream-faults';
import { fieldsOf, freshChannel, publish, send, streamText, type Target } from './target';

/** The HTML standard §9.2, as far as it binds a server, and what browsers make of it. */
export function describeHtmlStandard(target: Target): void {
  describe('HTML standard §9.2: event streams', () => {
    it('every line MUST end in a line feed alone, and data MUST keep its own line ends apart', async () => {
      const channel = freshChannel('lines');
      const stream = send(target, 'GET', `/subscribe${channel}`);
      await stream.until('retry:');
      await publish(target, channel, 'a\r\nb\rc\nd\r');
      await stream.until('data: d');
      await stream.until(/data: \nid: \S+\n\n/);
      expect(streamText(stream)).not.toContain('\r');
      expect(streamText(stream)).toMatch(/\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \nid: \S+\n\n$/);
    });

    it('data that looks like fields MUST stay data', async () => {
      const channel = freshChannel('fields');
      const client = await openStream(`${target.url()}/subscribe${channel}`);
      const data = 'id: forged\nevent: forged\nretry: 1\n: comment\n\ndata: more';
      await publish(target, channel, data);
      await client.until(({ events }) => events.length > 0);
      expect(client.events).toMatchObject([{ event: 'message', data }]);
    });

    it('text MUST come through as UTF-8, NUL and leading space and all', async () => {
      const channel = freshChannel('text');
      const client = await openStream(`${target.url()}/subscribe${channel}`);
      const data = '  ünïcode 日本語 🎉\0';
      await publish(target, channel, data);
      await client.until(({ events }) => events.length > 0);
      expect(client.events[0]!.data).toBe(data);
    });

    it('an empty event MUST be dispatched', async () => {
      const channel = freshChannel('empty');
      const client = await openStream(`${target.url()}/subscribe${channel}`);
      await publish(target, channel, '');
      await client.until(({ events }) => events.length > 0);
      expect(client.events[0]!.data).toBe('');
    });

    it('retry MUST be digits only', async () => {
      const stream = send(target, 'GET', '/events');
      await stream.until(/retry:[^\n]*\n/);
      expect(streamText(stream)).toMatch(/^:ok\nevent: gateway\.open\nretry: [0-9]+\n/);
    });

    it('an id MUST be the last line of its event, so that a cut inside it repeats it; on /sse it MUST stand before the data', async () => {
      for (const path of ['/events', '/sse']) {
        const client = await openStream(target.url() + path);
        const body = `whole ${Math.random()}`;
        await publish(target, '/', body);
        await client.until(({ events }) => events.some(({ data }) => data === body));
        expect(streamFaults(client.text(), { idFirst: path === '/sse' })).toEqual([]);
      }
    });

    it('the start of a stream MUST be told by an event with data, since many clients take no id without', async () => {
      const client = await openStream(`${target.url()}/events`);
      await client.until(({ streamEvents }) => streamEvents.some(({ id }) => id !== undefined));
      expect(client.streamEvents[0]).toMatchObject({ event: 'gateway.open' });
    });

    it('a client that comes back with Last-Event-ID MUST get what it missed, in order and once', async () => {
      const channel = freshChannel('resume');
      const first = await openStream(`${target.url()}/subscribe${channel}`);
      await publish(target, channel, 'seen', '?key=k');
      await first.until(({ events }) => events.length === 1);
      first.close();
      for (const data of ['missed 1', 'missed 2', 'missed 3']) await publish(target, channel, data, '?key=k');
      const headers = { 'Last-Event-ID': first.events[0]!.id! };
      const second = await openStream(`${target.url()}/subscribe${channel}`, { headers });
      await second.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
      const data = second.events.filter(({ event }) => event === 'message').map((event) => event.data);
      expect(data).toEqual(['missed 1', 'missed 2', 'missed 3']);
    });

    it('an id that means nothing MUST NOT cost the stream, and SHOULD be said', async () => {
      const client = await openStream(`${target.url()}/sse`, { headers: { 'Last-Event-ID': 'nonsense' } });
      expect(client.status).toBe(200);
      await client.until(({ events }) => events.some(({ event }) => event === 'gateway.reset'));
    });

    it('a stream MUST NOT be cached, compressed or transformed', async () => {
      const received = await send(target, 'GET', '/events', { 'Accept-Encoding': 'gzip, br' }).until(
        '\r\n\r\n',
      );
      const { fields } = fieldsOf(received);
      expect(fields.get('content-encoding')).toBeUndefined();
      expect(fields.get('cache-control')).toContain('no-cache');
    });

    it('a page of another origin MUST be able to read, and to send Last-Event-ID', async () => {
      const origin = { Origin: 'https://page.example' };
      const head = fieldsOf(await send(target, 'GET', '/sse', origin).until('\r\n\r\n'));
      expect(head.fields.get('access-control-allow-origin')).toBe('*');
      const asked = { ...origin, 'Access-Control-Request-Headers': 'last-event-id' };
      const preflight = fieldsOf(await send(target, 'OPTIONS', '/sse', asked).closed());
      expect(preflight.fields.get('access-control-allow-headers')?.toLowerCase()).toContain('last-event-id');
    });

    it('HEAD SHOULD answer the head alone', async () => {
      const { status, fields, body } = fieldsOf(await send(target, 'HEAD', '/sse').until('\r\n\r\n'));
      expect(status).toBe(200);
      expect(fields.get('content-type')).toBe('text/event-stream');
      expect(body).toBe('');
    });

    it('a request that can never succeed SHOULD be refused for good, with a reason', async () => {
      const res = await fetch(`${target.url()}/subscribe/a//b`);
      expect(res.status).toBe(400);
      expect(await res.json()).toMatchObject({ code: 'bad-channel', field: 'channel' });
    });
  });
}
