import { useBrowser } from '../support/browser';
import { type ClientPage, startClientPage } from '../support/client-page';
import { beginStream, startFarSide } from '../support/far-side';
import { until } from '../support/until';

describe('the client library in a browser', () => {
  const browser = useBrowser();

  it('is imported without a bundler; across origins the browser asks before each resume', async () => {
    let streams = 0;
    const far = await startFarSide((res, { method }) => {
      // What a gateway says.
      res.setHeader('Access-Control-Allow-Origin', '*');
      res.setHeader('Access-Control-Allow-Headers', 'Last-Event-ID');
      res.setHeader('Access-Control-Max-Age', '86400');
      if (method === 'OPTIONS') res.writeHead(204).end();
      else if (++streams === 1) beginStream(res, 'retry: 10\n\nid: 1\ndata: a\n\n').end();
      else if (streams === 2) beginStream(res, 'id: 2\nevent: named\ndata: b\n\n').end();
      else beginStream(res, 'data: c\n\n');
    });
    const { page, complaints } = await browser.open(await startClientPage());
    const seen = await page.evaluate(async (url) => {
      const { EventStream } = globalThis as unknown as ClientPage;
      const events: string[] = [];
      const stream = new EventStream(url);
      const isEventTarget = stream instanceof EventTarget;
      for await (const { type, data, lastEventId } of stream) {
        events.push(`${type} ${data} ${lastEventId}`);
        if (events.length === 3) break;
      }
      return { events, isEventTarget, readyState: stream.readyState };
    }, far.url);
    expect(seen).toEqual({
      events: ['message a 1', 'named b 2', 'message c 2'],
      isEventTarget: true,
      readyState: 2,
    });
    // To fetch, unlike to EventSource, `Last-Event-ID` is a header like any other; and no answer is kept of a request
    // that goes around the cache.
    expect(far.requests.map(({ method, headers }) => [method, headers['last-event-id']])).toEqual([
      ['GET', undefined],
      ['OPTIONS', undefined],
      ['GET', '1'],
      ['OPTIONS', undefined],
      ['GET', '2'],
    ]);
    await until(() => far.open.size === 0, 'the far side sees it leave');
    expect(complaints).toEqual([]);
  });
});
