import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Send } from './publisher';

const HOST = '127.0.0.1';
const BUSY_PAUSE_MS = 50;

/** Posts each batch as a JSON array to `POST /events` over one connection, again when the server is busy (503). */
export function createBatchPoster(port: number): { readonly send: Send; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });

  function post(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const req = request(
        {
          host: HOST,
          port,
          agent,
          method: 'POST',
          path: '/events',
          headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
        },
        (res) => {
          res.resume();
          res.once('end', () => resolve(res.statusCode!));
          res.once('error', reject);
        },
      );
      req.once('error', reject);
      req.end(body);
    });
  }

  return {
    async send(data) {
      const body = JSON.stringify(data.map((text) => ({ data: text })));
      for (;;) {
        const status = await post(body);
        if (status === 202) return;
        if (status !== 503) throw new Error(`POST /events answers ${status}`);
        await pause(BUSY_PAUSE_MS);
      }
    },
    close: () => agent.destroy(),
  };
}
