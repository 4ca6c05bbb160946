import { clusterHash, formatCursor, parseCursor, topicDigest } from '../../src/wire/cursor';
import { startGateway, type TestGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream, type SseClient } from '../support/sse-client';

/** Posts `count` events one after the other; answers their ids. */
async function post(url: string, count: number, from = 0, path = ''): Promise<string[]> {
  const ids: string[] = [];
  for (let i = from; i < from + count; i++) {
    const res = await fetch(`${url}/broadcast${path}`, { method: 'POST', body: `e${i}` });
    expect(res.status).toBe(202);
    ids.push(((await res.json()) as { id: string }).id);
  }
  return ids;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `e${from + i}`);
const data = ({ events }: SseClient) =>
  events.filter(({ event }) => !event.startsWith('gateway.')).map((event) => event.data);
const own = ({ events }: SseClient, name: string) =>
  events.filter(({ event }) => event === `gateway.${name}`).map((event) => JSON.parse(event.data) as object);
const resumeAt = (gateway: TestGateway, id: string, query = '') =>
  openStream(`${gateway.url}/sse${query}`, { headers: { 'Last-Event-ID': id } });

/** The last id a client has, the way a browser keeps it: also from blocks without data. */
function lastIdOf(client: SseClient): string {
  return [...client.text().matchAll(/^id: (.*)$/gm)].at(-1)![1]!;
}

describe('a stream that resumes from Last-Event-ID', () => {
  it.each([
    ['from the ring', ['gateway.open'], {}],
    // The log has to be asked first.
    ['from the log, when the ring has gone on', ['gateway.open', 'gateway.position'], { RING_RECORDS: '5' }],
    [
      'from the log in many small reads',
      ['gateway.open', 'gateway.position'],
      { RING_RECORDS: '5', REPLAY_CHUNK_BYTES: '1024' },
    ],
  ])('replays what it missed, once and in order, and then live events: %s', async (_where, opening, env) => {
    const gateway = await startGateway(env);
    const ids = await post(gateway.url, 40);
    const client = await resumeAt(gateway, ids[9]!);
    await client.until((it) => own(it, 'live').length === 1);
    expect(own(client, 'live')).toEqual([{ replayed: 30 }]);
    await post(gateway.url, 5, 40);
    await client.until((it) => data(it).length === 35);
    expect(data(client)).toEqual(range(10, 45));
    const given = client.events.filter(({ event }) => event === 'message').map(({ id }) => id);
    expect(given.slice(0, 30)).toEqual(ids.slice(10));
    expect(client.streamEvents.map(({ event }) => event)).toEqual(opening);
    expect(client.streamEvents.at(-1)!.id).toBe(ids[9]);
  });

  it('has nothing to replay at the head, and gets gateway.live at once', async () => {
    const gateway = await startGateway();
    const ids = await post(gateway.url, 3);
    const client = await resumeAt(gateway, ids[2]!);
    await client.until((it) => own(it, 'live').length === 1);
    expect(own(client, 'live')).toEqual([{ replayed: 0 }]);
    expect(data(client)).toEqual([]);
  });

  it('gets no gateway.live on a first connect', async () => {
    const gateway = await startGateway();
    const client = await openStream(`${gateway.url}/sse`);
    await post(gateway.url, 1);
    await client.until(({ events }) => events.length === 1);
    expect(own(client, 'live')).toEqual([]);
  });

  it('resumes from the id of a heartbeat', async () => {
    const gateway = await startGateway({ HEARTBEAT_MS: '100', STREAM_CHECK_MS: '20' });
    const quiet = await openStream(`${gateway.url}/subscribe/quiet`);
    const [, last] = await post(gateway.url, 2, 0, '/noise');
    await quiet.until(({ streamEvents }) => streamEvents.some(({ id }) => id === last));
    const id = lastIdOf(quiet);
    quiet.close();
    await post(gateway.url, 1, 2, '/quiet');
    const back = await openStream(`${gateway.url}/subscribe/quiet`, { headers: { 'Last-Event-ID': id } });
    await back.until((it) => own(it, 'live').length === 1);
    expect(data(back)).toEqual(['e2']);
  });

  it('replays only its channels and event names, and its id moves past the others', async () => {
    const gateway = await startGateway({ RING_RECORDS: '4' });
    const [start] = await post(gateway.url, 1);
    await post(gateway.url, 3, 1, '/pets/dogs?event=bark');
    await post(gateway.url, 3, 4, '/pets/cats?event=meow');
    const last = await post(gateway.url, 2, 7, '/cars');
    const client = await openStream(`${gateway.url}/events?channel=/pets&event=bark,purr`, {
      headers: { 'Last-Event-ID': start! },
    });
    await client.until((it) => own(it, 'live').length === 1);
    expect(data(client)).toEqual(['e1', 'e2', 'e3']);
    expect(client.events.at(-1)!.id).toBe(last[1]);
  });

  it.each(['lastEventId', 'last_event_id'])('may give its id as ?%s=, and the header wins', async (field) => {
    const gateway = await startGateway();
    const ids = await post(gateway.url, 6);
    const byQuery = await openStream(`${gateway.url}/sse?${field}=${ids[3]}`);
    await byQuery.until((it) => own(it, 'live').length === 1);
    expect(data(byQuery)).toEqual(['e4', 'e5']);
    const both = await resumeAt(gateway, ids[4]!, `?${field}=${ids[0]}`);
    await both.until((it) => own(it, 'live').length === 1);
    expect(data(both)).toEqual(['e5']);
  });
});

describe('an id whose records are gone', () => {
  it('gets one retention gap with its numbers, and then the rest', async () => {
    const gateway = await startGateway({ MEMORY_LOG_RECORDS: '20', RING_RECORDS: '5' });
    const ids = await post(gateway.url, 50);
    const client = await resumeAt(gateway, ids[9]!);
    await client.until((it) => own(it, 'live').length === 1);
    expect(own(client, 'gap')).toEqual([
      {
        reason: 'retention',
        topic: 'events-topic',
        partition: 0,
        requested: '10',
        available: '30',
        lost: 20,
      },
    ]);
    expect(data(client)).toEqual(range(30, 50));
    // Its id is the position that holds after it, and none came before it.
    expect(client.streamEvents).toEqual([
      { id: undefined, event: 'gateway.open', data: '{"heartbeatMs":15000}' },
    ]);
    expect(client.events[0]!.id).toBe(ids[29]);
  });

  it.each([
    [
      'of another cluster',
      (id: string) => id.replace(/^3\.[\w-]/, (start) => start.slice(0, 2) + (start[2] === 'A' ? 'B' : 'A')),
      'cluster',
    ],
    ['that is junk', () => 'no cursor at all', 'invalid'],
    [
      'of another topic',
      (id: string) =>
        formatCursor({
          ...parseCursor(id)!,
          topics: [{ key: topicDigest('other'), positions: [1n], epochs: [0] }],
        }),
      'topic',
    ],
    ['beyond the end', (id: string) => movedTo(id, 2n ** 62n), 'ahead'],
    ['with partitions that are not there', (id: string) => withPartitions(id, 3), 'partitions'],
  ])('gets a reset for an id %s, and then new events', async (_what, change, reason) => {
    const gateway = await startGateway({ RESUME_RECHECK_MS: '200', RESUME_GROWTH_MS: '200' });
    const [id] = await post(gateway.url, 3);
    const client = await resumeAt(gateway, change(id!));
    await client.until((it) => own(it, 'live').length === 1);
    expect(own(client, 'reset')).toEqual([{ reason, topics: ['events-topic'] }]);
    expect(client.events[0]!.event).toBe('gateway.reset');
    await post(gateway.url, 1, 3);
    await client.until((it) => data(it).length === 1);
    expect(data(client)).toEqual(['e3']);
    // The id of the reset is one to go on from.
    const again = await resumeAt(gateway, client.events[0]!.id!);
    await again.until((it) => own(it, 'live').length === 1);
    expect(data(again)).toEqual(['e3']);
  });

  it('gets 412 with what is available for ?strict=1, before any byte of a stream', async () => {
    const gateway = await startGateway({ MEMORY_LOG_RECORDS: '20', RING_RECORDS: '5' });
    const ids = await post(gateway.url, 50);
    const old = await fetch(`${gateway.url}/sse?strict=1`, { headers: { 'Last-Event-ID': ids[9]! } });
    expect(old.status).toBe(412);
    expect(old.headers.get('content-type')).toBe('application/problem+json');
    expect(await old.json()).toMatchObject({
      code: 'cursor-expired',
      requested: '10',
      available: '30',
      lost: 20,
    });
    const junk = await fetch(`${gateway.url}/sse?strict=1`, { headers: { 'Last-Event-ID': 'junk' } });
    expect(junk.status).toBe(412);
    const good = await resumeAt(gateway, ids[40]!, '?strict=1');
    expect(good.status).toBe(200);
    await good.until((it) => own(it, 'live').length === 1);
    expect(data(good)).toEqual(range(41, 50));
  });

  it('gets 400 for a malformed id in the query', async () => {
    const { url } = await startGateway();
    for (const [query, code, field] of [
      ['lastEventId=junk', 'bad-cursor', 'lastEventId'],
      ['since=soon', 'bad-request', 'since'],
      ['from=-0', 'bad-request', 'from'],
      ['from=middle', 'bad-request', 'from'],
      ['strict=yes', 'bad-request', 'strict'],
      ['meta=yes', 'bad-request', 'meta'],
      ['every=soon', 'bad-request', 'every'],
      ['event=a,,b', 'bad-event-name', 'event'],
    ]) {
      const res = await fetch(`${url}/events?${query}`);
      expect(res.status).toBe(400);
      expect(await res.json()).toMatchObject({ code, field });
    }
  });

  it('gets a stream whatever the id in the header is', async () => {
    const { port } = await startGateway();
    for (const id of [
      '',
      '1',
      '1.AAAAAA.',
      `1.AAAAAA.${'A'.repeat(10_000)}`,
      '2.AAAAAA.',
      `2.AAAAAA.${'A'.repeat(8_000)}`,
      '-1',
      '9'.repeat(400),
      '\xff\xfe',
      'a b\tc',
    ]) {
      const stream = rawHttp(port, `GET /sse HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n\r\n`);
      const head = await stream.until(/id: \S+\n/);
      expect(head).toContain('HTTP/1.1 200 OK');
      if (id !== '') expect(head).toContain('gateway.reset');
    }
  });
});

describe('where a first stream begins', () => {
  it('?from=earliest is the beginning of the log', async () => {
    const gateway = await startGateway({ RING_RECORDS: '5' });
    await post(gateway.url, 20);
    const client = await openStream(`${gateway.url}/sse?from=earliest`);
    await client.until((it) => own(it, 'live').length === 1);
    expect(data(client)).toEqual(range(0, 20));
  });

  it('?from=-N is the last N matching events still in the ring', async () => {
    const gateway = await startGateway({ RING_RECORDS: '10' });
    await post(gateway.url, 5, 0, '/a');
    await post(gateway.url, 5, 5, '/b');
    const cases = [
      ['/sse?from=-1', range(9, 10)],
      ['/sse?from=-3', range(7, 10)],
      ['/subscribe/a?from=-2', range(3, 5)],
      ['/subscribe/a?from=-100', range(0, 5)],
      ['/subscribe/none?from=-1', []],
      ['/sse?from=latest', null],
    ] as const;
    for (const [path, expected] of cases) {
      const client = await openStream(gateway.url + path);
      if (expected === null) {
        await client.until((it) => it.text().includes('id: '));
        expect(data(client)).toEqual([]);
        continue;
      }
      await client.until((it) => own(it, 'live').length === 1);
      expect(data(client)).toEqual(expected);
      expect(own(client, 'live')).toEqual([{ replayed: expected.length }]);
      client.close();
    }
    await post(gateway.url, 3, 10, '/a');
    const later = await openStream(`${gateway.url}/subscribe/a?from=-2`);
    await later.until((it) => own(it, 'live').length === 1);
    expect(data(later)).toEqual(range(11, 13));
  });

  it.each([
    ['Unix milliseconds', (time: number) => String(time)],
    ['ISO 8601', (time: number) => new Date(time).toISOString()],
  ])('?since= takes %s', async (_form, write) => {
    const gateway = await startGateway({ RING_RECORDS: '3' });
    await post(gateway.url, 5);
    // The log stamps with whole milliseconds: the next event must be in a later one.
    const before = Date.now();
    while (Date.now() <= before) await fetch(`${gateway.url}/healthz`);
    const time = Date.now();
    await post(gateway.url, 5, 5);
    const client = await openStream(`${gateway.url}/sse?since=${write(time)}`);
    await client.until((it) => own(it, 'live').length === 1);
    expect(data(client)).toEqual(range(5, 10));
  });
});

describe('?meta=1', () => {
  it.each([
    ['live', ''],
    ['from the ring', '&from=-10'],
    ['from the log', '&from=earliest'],
  ])('wraps the data with the origin of its record: %s', async (where, query) => {
    const gateway = await startGateway(where === 'from the log' ? { RING_RECORDS: '1' } : {});
    const send = () =>
      fetch(`${gateway.url}/broadcast/pets?event=bark&key=rex`, { method: 'POST', body: 'a\r\n"b"' });
    if (query !== '') await send();
    if (where === 'from the log') await post(gateway.url, 1);
    const client = await openStream(`${gateway.url}/events?meta=1&channel=/pets${query}`);
    await client.until((it) => it.text().includes('id: '));
    if (query === '') await send();
    await client.until(({ events }) => events.some(({ event }) => event === 'bark'));
    const event = client.events.find((it) => it.event === 'bark')!;
    expect(JSON.parse(event.data)).toEqual({
      topic: 'events-topic',
      partition: 0,
      offset: '0',
      timestamp: expect.any(Number),
      key: 'rex',
      headers: { channel: '/pets', event: 'bark' },
      data: 'a\n"b"',
    });
    expect(parseCursor(event.id!)!.topics[0]!.positions).toEqual([1n]);
  });
});

describe('the replay limit', () => {
  it('ends the stream after whole events, and the next one resumes there', async () => {
    const gateway = await startGateway({
      RING_RECORDS: '5',
      REPLAY_MAX_RECORDS: '10',
      FANOUT_WRITE_BYTES: '100',
    });
    const ids = await post(gateway.url, 60);
    const got: string[] = [];
    let id = ids[0]!;
    let connections = 0;
    for (let live = false; !live; connections++) {
      const client = await resumeAt(gateway, id);
      await client.until((it) => it.ended() || own(it, 'live').length > 0);
      live = own(client, 'live').length > 0;
      if (!live)
        expect(client.text()).toMatch(
          /\n\nid: \S+\nevent: gateway\.retry\nretry: \d+\ndata: {"code":"replay-limit"}\n\n$/,
        );
      got.push(...data(client));
      id = lastIdOf(client);
      client.close();
    }
    expect(got).toEqual(range(1, 60));
    expect(connections).toBeGreaterThan(2);
  });
});

describe('Idempotency-Key', () => {
  it('delivers a repeat once, and different events under the same key each', async () => {
    const gateway = await startGateway();
    const client = await openStream(`${gateway.url}/sse`);
    const send = (path: string, body: string, key: string) =>
      fetch(`${gateway.url}/broadcast${path}`, { method: 'POST', body, headers: { 'Idempotency-Key': key } });
    for (const [path, body, key] of [
      ['/a', 'x', 'k1'],
      ['/a', 'x', 'k1'],
      ['/a', 'x', 'k2'],
      ['/a', 'y', 'k1'],
      ['/b', 'x', 'k1'],
      ['/a?event=n', 'x', 'k1'],
      ['/a', 'x', 'k1'],
    ] as const) {
      expect((await send(path, body, key)).status).toBe(202);
    }
    await post(gateway.url, 1);
    await client.until((it) => data(it).includes('e0'));
    expect(client.events.map(({ event, data: text }) => [event, text])).toEqual([
      ['message', 'x'],
      ['message', 'x'],
      ['message', 'y'],
      ['message', 'x'],
      ['n', 'x'],
      ['message', 'e0'],
    ]);
  });
});

function movedTo(id: string, position: bigint): string {
  const { cluster, topics } = parseCursor(id)!;
  return formatCursor({ cluster, topics: [{ ...topics[0]!, positions: [position] }] });
}

function withPartitions(id: string, count: number): string {
  const { cluster, topics } = parseCursor(id)!;
  expect(cluster).not.toBe(clusterHash('another'));
  return formatCursor({
    cluster,
    topics: [{ ...topics[0]!, positions: Array(count).fill(1n), epochs: Array(count).fill(0) }],
  });
}
