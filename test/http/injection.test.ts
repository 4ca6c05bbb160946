import fc from 'fast-check';
import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream, type SseClient } from '../support/sse-client';

jest.setTimeout(30_000);

const ENDINGS = ['\r', '\n', '\r\n', '\n\n', '\0', '\u0085', '\u2028', '\u2029', '\uFEFF'];

function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers });
}

/** Publishes a last event and waits for it: whatever came before is there then. */
async function allOf(client: SseClient, url: string): Promise<{ event: string; data: string }[]> {
  expect((await post(`${url}/broadcast?event=the-end`, '')).status).toBe(202);
  await client.until(({ events }) => events.some(({ event }) => event === 'the-end'));
  return client.events.map(({ event, data }) => ({ event, data })).slice(0, -1);
}

describe('a line break in user input', () => {
  it.each(ENDINGS)('%j does not get into another field, wherever it is sent', async (ending) => {
    const { url } = await startGateway();
    const client = await openStream(`${url}/events`);
    const evil = `a${ending}data: injected${ending}id: 9`;
    const field = encodeURIComponent(evil);
    const sent: string[] = [];
    for (const path of [
      `/broadcast?event=${field}`,
      `/broadcast/${field}`,
      `/broadcast?key=${field}`,
      `/broadcast?key=k&event=e&${field}=${field}`,
    ]) {
      const { status } = await post(url + path, 'said');
      expect([202, 400]).toContain(status);
      if (status === 202) sent.push('said');
    }
    expect((await post(`${url}/broadcast`, evil)).status).toBe(202);
    const batch = [
      { data: 'said', event: evil },
      { data: 'said', channel: `/${evil}` },
      { data: 'said', key: evil },
      { data: evil },
      { data: { [evil]: evil } },
    ];
    const answer = await post(`${url}/events`, JSON.stringify(batch), { 'Content-Type': 'application/json' });
    const { results } = (await answer.json()) as { results: { status: number }[] };
    const asLf = evil.replace(/\r\n|\r/g, '\n');
    const expected = [...sent, asLf];
    for (const [i, { status }] of results.entries()) {
      if (status !== 202) continue;
      expected.push(i === 3 ? asLf : i === 4 ? JSON.stringify({ [evil]: evil }) : 'said');
    }
    const events = await allOf(client, url);
    expect(events.map(({ data }) => data)).toEqual(expected);
    // As the bytes are, too: no line of theirs but behind a `data: `.
    for (const line of client.text().split(/\r\n|\r|\n/))
      expect(line).not.toMatch(/^(data: |id: |event: )?(injected|9)$/);
  });

  it('in a header is rejected by Node’s HTTP parser', async () => {
    const { url, port } = await startGateway();
    const client = await openStream(`${url}/events`);
    for (const value of ['a\rdata: injected', 'a\0b', 'a\n\tb']) {
      const request = `POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nIdempotency-Key: ${value}\r\n\r\nsaid`;
      expect(await rawHttp(port, request).closed()).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(await allOf(client, url)).toEqual([]);
  });

  it('in a Last-Event-ID or a query does not reach the stream', async () => {
    const { url } = await startGateway();
    const evil = encodeURIComponent('1.x\n\ndata: injected\n\n');
    for (const query of ['lastEventId', 'last_event_id', 'since', 'from', 'strict', 'meta', 'channel'])
      expect((await fetch(`${url}/events?${query}=${evil}`)).status).toBe(400);
    const client = await openStream(`${url}/events?event=${evil}`);
    await client.until((it) => it.text().includes('id: '));
    expect(client.text()).not.toContain('injected');
  });
});

describe('any batch', () => {
  it('comes out as it was stored, event by event', async () => {
    const { url } = await startGateway();
    const text = fc
      .array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...ENDINGS, 'data: ', 'event: ', ':')))
      .map((parts) => parts.join('').toWellFormed());
    const event = fc.record(
      { data: text, event: fc.oneof(text, fc.constantFrom('gateway.gap', 'open', 'message')), key: text },
      { requiredKeys: ['data'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 20 }), async (batch) => {
        const client = await openStream(`${url}/events`);
        await client.until((it) => it.text().includes('id: '));
        const answer = await post(`${url}/events`, JSON.stringify(batch), {
          'Content-Type': 'application/json',
        });
        expect([202, 207, 422]).toContain(answer.status);
        const { results } = (await answer.json()) as { results: { status: number }[] };
        const stored = batch.filter((_, i) => results[i]!.status === 202);
        expect(await allOf(client, url)).toEqual(
          stored.map(({ event: name, data }) => ({
            event: name || 'message',
            data: data.replace(/\r\n|\r/g, '\n'),
          })),
        );
        client.close();
      }),
      { numRuns: 60 },
    );
  });
});
