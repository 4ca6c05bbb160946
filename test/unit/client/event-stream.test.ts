import { EventStream } from '../../../src/client/event-stream';
import { closeAfterTest, openEventStream } from '../../support/event-stream';
import { beginStream, startFarSide } from '../../support/far-side';
import { until } from '../../support/until';

/** On a busy machine the larger ones take a while. */
jest.setTimeout(30_000);

/** The default. */
const SILENCE_MS = 45_000;

const dataOf = (events: readonly { data: string }[]) => events.map(({ data }) => data);

/** A body of exactly these chunks, which then ends. */
function fetchOf(chunks: readonly Uint8Array[]): typeof fetch {
  return async () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(chunk);
          controller.close();
        },
      }),
      { headers: { 'Content-Type': 'text/event-stream' } },
    );
}

describe('as an EventSource', () => {
  it('opens, receives events and is closed', async () => {
    const { url, requests, open } = await startFarSide((res) =>
      beginStream(res, ':ok\n\nid: 7\ndata: a\ndata: b\n\nevent: bark\ndata: woof\n\n'),
    );
    const stream = closeAfterTest(new EventStream(url, { withCredentials: true }));
    const heard: object[] = [];
    stream.onopen = () => heard.push({ open: stream.readyState });
    stream.onmessage = ({ type, data, lastEventId, origin }) =>
      heard.push({ type, data, lastEventId, origin });
    stream.addEventListener('bark', ({ type, data, lastEventId }) => heard.push({ type, data, lastEventId }));
    expect([stream.readyState, stream.url, stream.withCredentials]).toEqual([
      EventStream.CONNECTING,
      url,
      true,
    ]);
    await until(() => heard.length === 3, 'all is heard');
    expect(heard).toEqual([
      { open: stream.OPEN },
      { type: 'message', data: 'a\nb', lastEventId: '7', origin: new URL(url).origin },
      { type: 'bark', data: 'woof', lastEventId: '7' },
    ]);
    expect(requests[0]!.headers).toMatchObject({ accept: 'text/event-stream', 'cache-control': 'no-cache' });
    expect(requests[0]!.headers).not.toHaveProperty('last-event-id');
    stream.close();
    expect(stream.readyState).toBe(EventStream.CLOSED);
    await until(() => open.size === 0, 'the far side sees it leave');
  });

  it('has EventSource’s constants, and throws for an invalid URL', () => {
    expect([EventStream.CONNECTING, EventStream.OPEN, EventStream.CLOSED]).toEqual([0, 1, 2]);
    expect(() => new EventStream('/relative')).toThrow('Invalid URL');
  });

  it('drops the rest of a chunk once it is closed', async () => {
    const { url } = await startFarSide((res) => beginStream(res, 'id: 1\ndata: a\n\nid: 2\ndata: b\n\n'));
    const heard: string[] = [];
    const { stream } = openEventStream(url, {
      onEvent: ({ data }) => {
        heard.push(data);
        stream.close();
      },
    });
    await until(() => stream.readyState === stream.CLOSED, 'it is closed');
    expect([heard, stream.lastEventId]).toEqual([['a'], '1']);
  });
});

describe('events', () => {
  it('of every name go to onEvent, and the gateway’s own events to their callbacks', async () => {
    const own = {
      gap: { lost: 3 },
      reset: { reason: 'cluster' },
      live: { replayed: 2 },
      status: { kafka: 'ok' },
    };
    const { url } = await startFarSide((res) => {
      beginStream(res, 'data: 1\n\nevent: a\ndata: 2\n\n');
      for (const [name, data] of Object.entries(own))
        res.write(`event: gateway.${name}\ndata: ${JSON.stringify(data)}\n\n`);
      res.write(
        'event: gateway.token-expiring\ndata: {}\n\nevent: gateway.tombstone\ndata: key\n\ndata: end\n\n',
      );
    });
    const told: unknown[] = [];
    const { events } = openEventStream(url, {
      onGap: (gap) => told.push(gap),
      onReset: (reset) => told.push(reset),
      onLive: (live) => told.push(live),
      onStatus: (status) => told.push(status),
    });
    await until(() => events.at(-1)?.data === 'end', 'all has come');
    expect(events.map(({ type }) => type)).toEqual(['message', 'a', 'gateway.tombstone', 'message']);
    expect(told).toEqual(Object.values(own));
  });

  it('may be cut anywhere, in characters and line ends too', async () => {
    const bytes = Buffer.from(
      '\uFEFFid: 1\r\ndata: zwölf €\r\ndata: 😀\r\n\r\nid: 2\rdata: b\r\rdata: end\n\n',
    );
    const { events } = openEventStream('http://far.example/', {
      fetch: fetchOf([...bytes].map((byte) => Uint8Array.of(byte))),
    });
    await until(() => events.length >= 3, 'all has come');
    expect(events.slice(0, 3).map(({ data, lastEventId }) => [data, lastEventId])).toEqual([
      ['zwölf €\n😀', '1'],
      ['b', '2'],
      ['end', '2'],
    ]);
  });

  it('that are incomplete when the connection breaks are dropped with their id', async () => {
    const { url, requests } = await startFarSide((res, _req, turn) => {
      if (turn > 0) beginStream(res, 'id: 2\ndata: whole\n\n');
      else beginStream(res).write('id: 1\ndata: a\n\nid: 2\ndata: ha', () => res.destroy());
    });
    const { events } = openEventStream(url);
    await until(() => events.length === 2, 'it is back');
    expect(dataOf(events)).toEqual(['a', 'whole']);
    expect(requests[1]!.headers['last-event-id']).toBe('1');
  });

  it('keep the last id through a block without one; a block without data moves it', async () => {
    const { url, requests } = await startFarSide((res, _req, turn) => {
      if (turn === 0) beginStream(res, 'id: 1\n\n').end();
      else if (turn === 1) beginStream(res, 'data: a\n\n').end();
      else beginStream(res);
    });
    const { events } = openEventStream(url);
    await until(() => requests.length === 3, 'it is back twice');
    expect(events.map(({ lastEventId }) => lastEventId)).toEqual(['1']);
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1', '1']);
  });

  it('start after the given id, of any characters', async () => {
    const { url, requests } = await startFarSide((res) => beginStream(res));
    const { stream } = openEventStream(url, { lastEventId: '1.é…' });
    expect(stream.lastEventId).toBe('1.é…');
    await until(() => requests.length === 1, 'it is asked');
    const sent = requests[0]!.headers['last-event-id'] as string;
    expect(Buffer.from(sent, 'latin1').toString()).toBe('1.é…');
  });
});

describe('what is no stream', () => {
  it.each([401, 408, 425, 429, 500, 502, 503])('%d is tried again', async (status) => {
    const { url } = await startFarSide((res, _req, turn) => {
      if (turn === 0) res.writeHead(status).end();
      else beginStream(res, 'data: a\n\n');
    });
    const { events, errors, stream } = openEventStream(url);
    await until(() => events.length === 1, 'it is let in');
    expect(errors.map((error) => error.status)).toEqual([status]);
    expect(stream.readyState).toBe(stream.OPEN);
  });

  it.each([201, 400, 403, 404, 405, 410, 412])(
    '%d is the end, and a fault to an iterator',
    async (status) => {
      const { url, requests } = await startFarSide((res) => res.writeHead(status).end());
      const { stream, errors } = openEventStream(url);
      const iterated = (async () => {
        for await (const event of stream) return event;
        return null;
      })();
      await expect(iterated).rejects.toThrow(`answered ${status}`);
      expect([stream.readyState, requests.length, errors.length, errors[0]!.status]).toEqual([
        2,
        1,
        1,
        status,
      ]);
    },
  );

  it('204 ends the stream, and its iterator after the events before', async () => {
    const { url } = await startFarSide((res, _req, turn) => {
      if (turn > 0) res.writeHead(204).end();
      else beginStream(res, 'data: a\n\ndata: b\n\n').end();
    });
    const { stream, errors } = openEventStream(url);
    const iterator = stream[Symbol.asyncIterator]();
    const data = [(await iterator.next()).value?.data];
    await until(() => stream.readyState === stream.CLOSED, 'it is closed');
    for await (const event of iterator) data.push(event.data);
    expect(data).toEqual(['a', 'b']);
    expect(errors).toEqual([
      { status: 0, message: null },
      { status: 204, message: expect.stringContaining('204') },
    ]);
  });

  it('another content type ends the stream', async () => {
    const { url } = await startFarSide((res) =>
      res.writeHead(200, { 'Content-Type': 'text/html' }).end('data: a\n\n'),
    );
    const { stream, errors } = openEventStream(url);
    await until(() => stream.readyState === stream.CLOSED, 'it is closed');
    expect(errors).toEqual([{ status: 200, message: `${url} answered 200 text/html` }]);
  });

  it('is judged by shouldRetry', async () => {
    const { url, requests } = await startFarSide((res, _req, turn) =>
      res.writeHead(turn === 0 ? 404 : 503).end(),
    );
    const { stream } = openEventStream(url, { shouldRetry: (status) => status === 404 });
    await until(() => stream.readyState === stream.CLOSED, 'it is closed');
    expect(requests).toHaveLength(2);
  });
});

describe('waiting', () => {
  /** What the timers of the client were set to, with the most that chance can give. */
  function watchDelays(): number[] {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const delays: number[] = [];
    const real = globalThis.setTimeout;
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms: number) => {
      delays.push(ms);
      return real(run, ms === SILENCE_MS ? ms : Math.min(ms, 10));
    }) as typeof setTimeout);
    return delays;
  }
  afterEach(() => jest.restoreAllMocks());

  it('backs off while nothing is delivered, also when streams end at once, and resets after an event', async () => {
    const { url, requests } = await startFarSide((res, _req, turn) => {
      if (turn < 3) res.destroy();
      else if (turn === 3)
        beginStream(res, 'event: gateway.retry\nretry: 100\ndata: {"code":"too-many-streams"}\n\n').end();
      else if (turn === 4) beginStream(res, 'data: a\n\n').end();
      else if (turn === 5) res.writeHead(503).end();
      else beginStream(res);
    });
    const delays = watchDelays();
    openEventStream(url, { silenceMs: 0, retryMs: 50, maxRetryMs: 1_000 });
    await until(() => requests.length === 7, 'it is back each time');
    expect(delays).toEqual([100, 200, 400, 1_000, 125, 200]);
  });

  it('is as long as Retry-After asks for', async () => {
    const { url, requests } = await startFarSide((res, _req, turn) => {
      if (turn === 0) res.writeHead(429, { 'Retry-After': '120' }).end();
      else beginStream(res);
    });
    const delays = watchDelays();
    openEventStream(url, { silenceMs: 0 });
    await until(() => requests.length === 2, 'it is back');
    expect(delays).toEqual([150_000]);
  });

  it('and silence have the limits that docs/clients.md tells', async () => {
    let asked = 0;
    const delays = watchDelays();
    const away = async () => {
      asked++;
      throw new Error('away');
    };
    const stream = closeAfterTest(new EventStream('http://far.example/', { fetch: away }));
    await until(() => asked >= 7, 'it is back each time');
    stream.close();
    const waits = [2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    expect(delays.slice(0, 12)).toEqual(waits.flatMap((waitMs) => [SILENCE_MS, waitMs]));
  });

  it('ends with the stream', async () => {
    const { url, requests } = await startFarSide((res) => res.writeHead(503).end());
    const { stream, errors } = openEventStream(url, { retryMs: 50 });
    await until(() => errors.length === 1, 'it is refused');
    stream.close();
    const other = openEventStream(url, { retryMs: 100 });
    await until(() => other.errors.length === 2, 'others came back in the meantime');
    expect(requests).toHaveLength(3);
  });
});

describe('silence', () => {
  it('breaks a silent stream', async () => {
    const { url, open } = await startFarSide((res, _req, turn) => {
      beginStream(res, turn === 0 ? 'id: 1\ndata: a\n\n' : 'data: b\n\n');
    });
    const { events, errors } = openEventStream(url, { silenceMs: 100 });
    await until(() => events.length >= 2, 'it is back');
    expect(errors[0]).toEqual({ status: 0, message: 'silent for 100 ms' });
    await until(() => open.size <= 1, 'the dead one is gone');
  });

  it('breaks a request without an answer', async () => {
    const { url, requests } = await startFarSide((res, _req, turn) => {
      if (turn > 0) beginStream(res, 'data: a\n\n');
    });
    const { events } = openEventStream(url, { silenceMs: 100 });
    await until(() => events.length >= 1, 'it is let in');
    expect(requests.length).toBeGreaterThan(1);
  });

  it('ends with a comment', async () => {
    let beats = 0;
    const { url, requests } = await startFarSide((res) => {
      beginStream(res);
      const timer = setInterval(() => res.write(':\n\n', () => beats++), 50);
      res.on('close', () => clearInterval(timer));
    });
    openEventStream(url, { silenceMs: 1_000 });
    await until(() => beats >= 30, 'longer than the silence');
    expect(requests).toHaveLength(1);
  });
});

describe('headers', () => {
  it('are sent as they are given', async () => {
    const { url, requests } = await startFarSide((res) => beginStream(res));
    openEventStream(url, { headers: { Authorization: 'Bearer x' } });
    await until(() => requests.length === 1, 'it is asked');
    expect(requests[0]!.headers.authorization).toBe('Bearer x');
  });

  it('are computed for each attempt: after a 401, after the end of a stream', async () => {
    const { url, requests } = await startFarSide((res, { headers }, turn) => {
      if (headers.authorization === 'Bearer token-0') res.writeHead(401).end();
      else if (turn < 2) beginStream(res, 'id: 5\n\n').end();
      else beginStream(res, 'data: in\n\n');
    });
    let asked = 0;
    const { events } = openEventStream(url, {
      headers: async () => ({ Authorization: `Bearer token-${asked++}` }),
    });
    await until(() => events.length === 1, 'it is let in');
    expect(requests.map(({ headers }) => [headers.authorization, headers['last-event-id']])).toEqual([
      ['Bearer token-0', undefined],
      ['Bearer token-1', undefined],
      ['Bearer token-2', '5'],
    ]);
  });

  it('that throw are a failed attempt', async () => {
    const { url, requests } = await startFarSide((res) => beginStream(res, 'data: in\n\n'));
    let asked = 0;
    const { events, errors } = openEventStream(url, {
      headers: () => {
        if (asked++ === 0) throw new Error('no token today');
        return [['X-Token', 'x']];
      },
    });
    await until(() => events.length === 1, 'it is let in');
    expect(errors).toEqual([{ status: 0, message: 'no token today' }]);
    expect(requests).toHaveLength(1);
  });
});

describe('a signal', () => {
  it('closes the stream, quietly', async () => {
    const { url, open } = await startFarSide((res) => beginStream(res, 'data: a\n\n'));
    const controller = new AbortController();
    const { stream, events, errors } = openEventStream(url, { signal: controller.signal });
    await until(() => events.length === 1, 'it is open');
    controller.abort();
    expect(stream.readyState).toBe(stream.CLOSED);
    await until(() => open.size === 0, 'the far side sees it leave');
    expect(errors).toEqual([]);
  });

  it('that is aborted already prevents the connection', async () => {
    const { url, requests } = await startFarSide((res) => beginStream(res));
    const { stream } = openEventStream(url, { signal: AbortSignal.abort() });
    const other = openEventStream(url);
    await until(() => other.stream.readyState === other.stream.OPEN, 'another one is open');
    expect([stream.readyState, requests.length]).toEqual([2, 1]);
  });
});

describe('iterating', () => {
  it('yields records of every name, over a reconnect, and leaving the loop closes the stream', async () => {
    const { url, open } = await startFarSide((res, _req, turn) => {
      if (turn === 0) beginStream(res, 'id: 1\nevent: a\ndata: 1\n\nevent: gateway.live\ndata: {}\n\n').end();
      else beginStream(res, 'id: 2\nevent: b\ndata: 2\n\nid: 3\ndata: 3\n\n');
    });
    const { stream } = openEventStream(url);
    const seen: string[] = [];
    for await (const { type, lastEventId } of stream) {
      seen.push(`${lastEventId} ${type}`);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['1 a', '2 b']);
    expect(stream.readyState).toBe(stream.CLOSED);
    await until(() => open.size === 0, 'the far side sees it leave');
  });

  it('ends with close(), without the queued events', async () => {
    const { url } = await startFarSide((res) => beginStream(res, 'data: 1\n\ndata: 2\n\n'));
    const { stream, events } = openEventStream(url);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await until(() => events.length === 2, 'the other one is there');
    stream.close();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('puts backpressure on the stream while the loop is slow', async () => {
    const count = 50;
    const chunks = Array.from({ length: count }, (_, i) => Buffer.from(`data: ${i}\n\n`));
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (pulled < count) controller.enqueue(chunks[pulled++]);
      },
    });
    const { stream, events } = openEventStream('http://far.example/', {
      maxBuffered: 4,
      silenceMs: 50,
      fetch: async () => new Response(body, { headers: { 'Content-Type': 'text/event-stream' } }),
    });
    const iterator = stream[Symbol.asyncIterator]();
    const seen = [(await iterator.next()).value?.data];
    await until(() => events.length === 5, 'as many wait as may');
    const waitedMs = performance.now();
    await until(() => performance.now() - waitedMs > 200, 'it has waited longer than silence may last');
    // One event was taken, four wait, and a stream has one chunk ready.
    expect([events.length, pulled, stream.readyState]).toEqual([5, 6, stream.OPEN]);
    while (seen.length < count) seen.push((await iterator.next()).value?.data);
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => String(i)));
  });

  it('puts backpressure on the server through the kernel, and loses nothing', async () => {
    const count = 20_000;
    let written = 0;
    const { url } = await startFarSide((res) => {
      beginStream(res);
      const write = () => {
        while (written < count)
          if (!res.write(`id: ${written}\ndata: ${'x'.repeat(1_000)}${written++}\n\n`)) break;
      };
      res.on('drain', write);
      write();
    });
    const { stream } = openEventStream(url, { onEvent: () => undefined });
    const seen: string[] = [];
    let mostAhead = 0;
    for await (const { data, lastEventId } of stream) {
      seen.push(`${lastEventId} ${data.slice(1_000)}`);
      if (seen.length === 1) {
        let [before, sinceMs] = [written, performance.now()];
        const isHeldUp = () => {
          if (before !== written) [before, sinceMs] = [written, performance.now()];
          return performance.now() - sinceMs > 200;
        };
        await until(isHeldUp, 'the far side can write no more');
        expect(written).toBeLessThan(count);
      }
      mostAhead = Math.max(mostAhead, Number(stream.lastEventId) + 1 - seen.length);
      if (seen.length === count) break;
    }
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => `${i} ${i}`));
    // The bound, and what one chunk of the body can have besides: 64 KiB of events of a kilobyte.
    expect(mostAhead).toBeLessThan(256 + 66);
  });
});
