import { startGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';

type Result = {
  status: number;
  code?: string;
  field?: string;
  detail?: string;
  offset?: string;
  channel?: string;
};

async function send(url: string, body: string | Buffer, type: string | null = 'application/json') {
  const res = await fetch(`${url}/events`, {
    method: 'POST',
    body: Buffer.from(body as string),
    headers: type === null ? {} : { 'Content-Type': type },
  });
  return {
    status: res.status,
    body: (await res.json()) as { results: Result[]; code?: string; detail?: string },
  };
}

describe('POST /events', () => {
  it('stores an object, an array or lines, with one result each', async () => {
    const { url } = await startGateway();
    const client = await openStream(`${url}/sse`);
    const object = await send(url, '{"data":"one"}');
    expect(object).toMatchObject({
      status: 202,
      body: { results: [{ status: 202, offset: '0', channel: '/' }] },
    });
    const array = await send(
      url,
      '[{"channel":"/a","event":"n","data":{"x":[1,null]},"key":"k"},{"data":2}]',
    );
    expect(array.body.results.map(({ offset, channel }) => [offset, channel])).toEqual([
      ['1', '/a'],
      ['2', '/'],
    ]);
    const lines = await send(url, '{"data":""}\r\n\n{"data":null}\n', 'application/x-ndjson; charset=utf-8');
    expect(lines.status).toBe(202);
    await client.until(({ events }) => events.length === 5);
    expect(client.events.map(({ event, data }) => [event, data])).toEqual([
      ['message', 'one'],
      ['n', '{"x":[1,null]}'],
      ['message', '2'],
      ['message', ''],
      ['message', 'null'],
    ]);
    expect((await send(url, '{"data":"untyped"}', null)).status).toBe(202);
  });

  it('is 207 when some fail, each with its reason', async () => {
    const { url } = await startGateway({ MAX_EVENT_BYTES: '10' });
    const { status, body } = await send(
      url,
      JSON.stringify([
        { data: 'ok' },
        { data: 'x', channel: 'a/' },
        { data: 'x', event: 'gateway.x' },
        { data: 'x', event: 'a\nb' },
        { data: 'x'.repeat(11) },
        { channel: '/a' },
        { data: 'x', chanel: '/a' },
        'text',
        { data: 'x', key: 7 },
      ]),
    );
    expect(status).toBe(207);
    expect(body.results.map((result) => [result.status, result.code, result.field])).toEqual([
      [202, undefined, undefined],
      [400, 'bad-channel', 'channel'],
      [400, 'bad-event-name', 'event'],
      [400, 'bad-event-name', 'event'],
      [413, 'event-too-large', undefined],
      [422, 'invalid-envelope', 'data'],
      [422, 'invalid-envelope', undefined],
      [422, 'invalid-envelope', undefined],
      [422, 'invalid-envelope', 'key'],
    ]);
  });

  it('reports for each event what is wrong with it', async () => {
    const { url } = await startGateway();
    const { body } = await send(url, '[{},5,{"data":1,"x":2},{"data":1,"channel":3},{"data":1,"key":[]}]');
    expect(body.results.map(({ detail }) => detail)).toEqual([
      'data is missing',
      'the event must be an object with data, and maybe channel, event and key',
      'the event has x; an event may have channel, event, data and key',
      'channel must be a string',
      'key must be a string or null',
    ]);
    expect(body.detail).toBe('none of the events is valid, the first because data is missing');
  });

  it('rejects lone surrogates, which would be stored as something else', async () => {
    const { url } = await startGateway();
    const half = '"\\ud800"';
    const { body } = await send(
      url,
      `[{"data":${half}},{"data":1,"channel":"/\\udc00"},{"data":1,"event":${half}},{"data":1,"key":${half}},{"data":[${half}]}]`,
    );
    expect(body.results.map(({ code, field }) => [code, field])).toEqual([
      ['not-utf8', 'data'],
      ['not-utf8', 'channel'],
      ['not-utf8', 'event'],
      ['not-utf8', 'key'],
      // Here the escape is what is stored.
      [undefined, undefined],
    ]);
  });

  it('is 207 when some lines are not JSON', async () => {
    const { url } = await startGateway();
    const { status, body } = await send(url, '{"data":1}\n{oops\n{"data":2}', 'application/x-ndjson');
    expect(status).toBe(207);
    expect(body.results.map((result) => result.code)).toEqual([undefined, 'bad-json', undefined]);
  });

  it.each([
    ['nothing that can be read', '{oops', 'application/json', 400, 'bad-json'],
    ['no line that can be read', '{oops\n[', 'application/x-ndjson', 400, 'bad-json'],
    ['nothing valid', '[{"nodata":1}]', 'application/json', 422, 'invalid-envelope'],
    [
      'bytes that are not UTF-8',
      Buffer.from('{"data":"\xff"}', 'latin1'),
      'application/json',
      400,
      'not-utf8',
    ],
    ['no events', '[]', 'application/json', 422, 'invalid-envelope'],
    ['another type', 'data=1', 'application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
    ['another type of no text', Buffer.from([0xff, 0xd8]), 'image/jpeg', 415, 'unsupported-media-type'],
  ])('rejects %s', async (_what, text, type, status, code) => {
    const { url } = await startGateway();
    expect(await send(url, text, type)).toMatchObject({ status, body: { code } });
  });

  it('rejects a batch over its limits', async () => {
    const { url } = await startGateway({ MAX_BATCH_BYTES: '1000', MAX_BATCH_EVENTS: '3' });
    expect((await send(url, JSON.stringify({ data: 'x'.repeat(1000) }))).status).toBe(413);
    expect((await send(url, '[{"data":1},{"data":1},{"data":1},{"data":1}]')).status).toBe(413);
    expect((await send(url, '[{"data":1},{"data":1},{"data":1}]')).status).toBe(202);
  });

  it('is closed by INGEST=off, and streams are not', async () => {
    const { url } = await startGateway({ INGEST: 'off' });
    const res = await fetch(`${url}/events`, { method: 'POST', body: '{"data":1}' });
    expect(res.status).toBe(405);
    expect(res.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    await openStream(`${url}/events`);
  });
});
