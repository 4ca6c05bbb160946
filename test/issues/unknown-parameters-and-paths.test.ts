import { startGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';

async function refusal(
  url: string,
  init: RequestInit = {},
): Promise<{ status: number; field?: string; detail: string }> {
  const res = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
  const { detail, field } = (await res.json()) as { detail: string; field?: string };
  return { status: res.status, detail, ...(field === undefined ? {} : { field }) };
}

/** `?key=user-7` gave every event, `?form=earliest` none of the past: both were left out without a word. */
describe('a parameter that is not known', () => {
  it.each([
    ['/events?key=user-7', 'key', '/events does not take key; it takes channel, event,'],
    ['/events?form=earliest', 'form', 'form (did you mean from?)'],
    ['/events?channels=/a', 'channels', 'channels (did you mean channel?)'],
    ['/subscribe/a?lasteventid=1.x', 'lasteventid', 'lasteventid (did you mean lastEventId?)'],
    ['/subscribe/a?Meta=1&sinse=0', 'Meta', 'Meta (did you mean meta?), sinse (did you mean since?)'],
    ['/sse?channel=/a', 'channel', '/sse does not take channel;'],
    ['/sse?%66orm=earliest', 'form', 'form (did you mean from?)'],
    ['/sse?%ff=1', '%ff', '/sse does not take %ff;'],
    ['/admin/status.json?limits=5', 'limits', 'limits (did you mean limit?); it takes sort, limit'],
  ])('is refused on a GET of %s', async (path, field, detail) => {
    const { url } = await startGateway();
    const answer = await refusal(url + path);
    expect(answer).toMatchObject({ status: 400, field });
    expect(answer.detail).toContain(detail);
  });

  it.each([
    ['/broadcast/a?name=goal', 'name', '/broadcast/a does not take name; it takes event, key'],
    ['/broadcast?events=goal', 'events', 'events (did you mean event?)'],
    ['/events?channel=/a', 'channel', '/events does not take channel; it takes no parameters'],
  ])('is refused on a POST to %s, and nothing is stored', async (path, field, detail) => {
    const { url } = await startGateway();
    const stream = await openStream(`${url}/events`);
    const answer = await refusal(url + path, { method: 'POST', body: '{"data":"refused"}' });
    expect(answer).toMatchObject({ status: 400, field });
    expect(answer.detail).toContain(detail);
    await fetch(`${url}/broadcast`, { method: 'POST', body: 'taken' });
    await stream.until(({ events }) => events.length > 0);
    expect(stream.events.map(({ data }) => data)).toEqual(['taken']);
  });

  it('passes when it begins with _, as cache busters do', async () => {
    const { url } = await startGateway();
    expect((await openStream(`${url}/events?_=1795255200000&_cache=x`)).status).toBe(200);
    expect((await fetch(`${url}/broadcast?_=1`, { method: 'POST', body: 'x' })).status).toBe(202);
    expect((await fetch(`${url}/admin/status.json?_=1`)).status).toBe(200);
  });

  it('is named without its value, and cut if it is long', async () => {
    const { url } = await startGateway();
    const { detail } = await refusal(`${url}/sse?token=sesame&${'x'.repeat(500)}=1`);
    expect(detail).toContain('token');
    expect(detail).not.toContain('sesame');
    expect(detail.length).toBeLessThan(250);
  });
});

/** `POST /broadcastscores` was answered that there is nothing, and no more. */
describe('an unknown path', () => {
  it.each([
    ['POST', '/broadcastscores', 'POST /broadcast/scores'],
    ['POST', '/broadcastscores/final', 'POST /broadcast/scores/final'],
    ['GET', '/subscribescores', 'GET /subscribe/scores'],
    ['GET', '/broadcastscores', 'POST /broadcast/scores'],
    ['POST', '/brodcast/scores', 'POST /broadcast/scores'],
    ['GET', '/events/scores', 'GET /subscribe/scores'],
    ['POST', '/events/scores', 'POST /broadcast/scores'],
    ['GET', '/event', 'GET /events'],
    ['POST', '/event', 'POST /events'],
    ['GET', '/events/', 'GET /events'],
    ['GET', '/api/events', 'GET /events'],
    ['GET', '/SSE', 'GET /sse'],
    ['GET', '/health', 'GET /healthz'],
    ['GET', '/status', 'GET /kafka/status'],
    ['GET', '/Metrics', 'GET /metrics'],
  ])('%s %s says that %s was probably meant', async (method, path, meant) => {
    const { url } = await startGateway();
    expect(await refusal(url + path, { method })).toEqual({
      status: 404,
      detail: `there is nothing at ${path}; did you mean ${meant}?`,
    });
  });

  it('says where the endpoints are listed when nothing is near', async () => {
    const { url } = await startGateway();
    for (const path of ['/nowhere', '/x', '/favicon.ico', '/%ff'])
      expect((await refusal(url + path)).detail).toBe(
        `there is nothing at ${path}; GET / lists the endpoints`,
      );
  });
});
