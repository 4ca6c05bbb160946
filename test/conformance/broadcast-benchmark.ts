import { openStream } from '../support/sse-client';
import { fieldsOf, send, streamText, type Target } from './target';

const TICK_LIMIT_MS = 5_000;

/** The rules of sse-broadcast-benchmark (https://github.com/rexxars/sse-broadcast-benchmark). */
export function describeBroadcastBenchmark(target: Target): void {
  describe('Broadcast to all', () => {
    it('GET /sse MUST answer text/event-stream, no-cache and keep-alive, exactly', async () => {
      const { status, fields } = fieldsOf(await send(target, 'GET', '/sse').until('\r\n\r\n'));
      expect(status).toBe(200);
      expect(fields.get('content-type')).toBe('text/event-stream');
      expect(fields.get('cache-control')).toBe('no-cache');
      expect(fields.get('connection')).toBe('keep-alive');
    });

    it('GET /sse MUST begin with the bytes :ok and two line feeds', async () => {
      const stream = send(target, 'GET', '/sse');
      await stream.until('retry:');
      expect(streamText(stream).startsWith(':ok\n\n')).toBe(true);
    });

    it('GET /sse MUST do so also for a client that asks to close', async () => {
      const stream = send(target, 'GET', '/sse', { Connection: 'close' });
      await stream.until('retry:');
      expect(streamText(stream).startsWith(':ok\n\n')).toBe(true);
    });

    it('a message MUST come each second with the Unix time in milliseconds', async () => {
      const client = await openStream(`${target.url()}/sse`);
      const times = () => client.events.map(({ data }) => Number(/\d{13}/.exec(data)?.[0] ?? Number.NaN));
      await client.until(() => times().filter((time) => time > 0).length >= 3, TICK_LIMIT_MS);
      const ticks = times().filter((time) => time > 0);
      expect(Math.abs(Date.now() - ticks.at(-1)!)).toBeLessThan(TICK_LIMIT_MS);
    });

    it('GET /connections MUST answer the number of open streams, under exactly its heads', async () => {
      await openStream(`${target.url()}/sse`);
      const { status, fields, body } = fieldsOf(await send(target, 'GET', '/connections').closed());
      expect(status).toBe(200);
      expect(fields.get('content-type')).toBe('text/plain');
      expect(fields.get('cache-control')).toBe('no-cache');
      expect(fields.get('connection')).toBe('close');
      const digits = fields.get('transfer-encoding') === 'chunked' ? body.split('\r\n')[1]! : body;
      expect(digits).toMatch(/^\d+$/);
      // Behind a proxy it is the count of one of the gateways.
      if (!target.limits.isProxy) expect(Number(digits)).toBeGreaterThanOrEqual(1);
    });

    it('POST /broadcast MUST answer 202, and the body MUST reach every stream', async () => {
      const clients = await Promise.all([1, 2, 3].map(() => openStream(`${target.url()}/sse`)));
      const body = `to all ${Math.random()}`;
      const res = await fetch(`${target.url()}/broadcast`, { method: 'POST', body });
      expect(res.status).toBe(202);
      for (const client of clients)
        await client.until(({ events }) => events.some(({ data }) => data === body));
    });

    it('OPTIONS MUST answer 204 with CORS and close', async () => {
      const { status, fields } = fieldsOf(
        await send(target, 'OPTIONS', '/sse', { Origin: 'https://a.example' }).closed(),
      );
      expect(status).toBe(204);
      expect(fields.get('access-control-allow-origin')).toBe('*');
      expect(fields.get('connection')).toBe('close');
    });

    it('any other path MUST answer 404', async () => {
      expect((await fetch(`${target.url()}/nothing-here`)).status).toBe(404);
    });
  });
}
