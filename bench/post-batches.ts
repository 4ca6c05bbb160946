import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Inlet } from './publisher';

export interface BatchPoster extends Inlet {
  /** One batch of events as `POST /events` takes them. */
  post(events: readonly object[]): Promise<void>;
}

const HOST = '127.0.0.1';
const BUSY_PAUSE_MS = 50;

/** Posts each batch as a JSON array to `POST /events` over one connection, again when the server is busy (503). */
export function createBatchPoster(port: number): BatchPoster {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });

  function postBody(body: string): Promise<number> {
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

  async function post(events: readonly object[]): Promise<void> {
    const body = JSON.stringify(events);
    for (;;) {
      const status = await postBody(body);
      if (status === 202) return;
      if (status !== 503) throw new Error(`POST /events answers ${status}`);
      await pause(BUSY_PAUSE_MS);
    }
  }

  return {
    send: (data) => post(data.map((text) => ({ data: text }))),
    post,
    close: () => agent.destroy(),
  };
}
