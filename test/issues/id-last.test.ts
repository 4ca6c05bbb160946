import { type AddressInfo, connect, createServer } from 'node:net';
import { startGateway } from '../support/gateway';
import { type IdCommit, seenBy } from '../support/id-commit';
import { openStream } from '../support/sse-client';

/** What lies between: passes on what the gateway sends up to the end of `mark`, and then cuts the connection. */
async function cutAfter(mark: string, targetPort: number): Promise<{ url: string; close(): void }> {
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    let passed = '';
    client.on('data', (part) => target.write(part)).on('error', () => target.destroy());
    client.on('close', () => target.destroy());
    target.on('data', (part) => {
      const before = passed.length;
      passed += part.toString('latin1');
      const at = passed.indexOf(mark);
      if (at < 0) client.write(part);
      else client.end(part.subarray(0, at + mark.length - before), () => target.destroy());
    });
    target.on('error', () => client.destroy()).on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

async function post(url: string, data: string): Promise<string> {
  const res = await fetch(`${url}/broadcast?event=goal`, { method: 'POST', body: data });
  return ((await res.json()) as { id: string }).id;
}

/** What two connections give, the first of which is cut after `mark`. */
async function readThroughCut(
  path: string,
  commit: IdCommit,
  mark: (id: string) => string,
): Promise<string[]> {
  const { url, port } = await startGateway();
  const first = await post(url, 'first');
  const id = await post(url, 'second\nline');
  const proxy = await cutAfter(mark(id), port);
  // HTTP/1.0: no chunk sizes in between.
  const headers = { 'Last-Event-ID': first, Connection: 'close' };
  const cut = await openStream(proxy.url + path, { headers });
  await cut.until((it) => it.ended());
  proxy.close();
  const before = seenBy(commit, cut.text());
  const again = await openStream(url + path, { headers: { 'Last-Event-ID': before.lastEventId } });
  await again.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
  const events = [...before.events, ...seenBy(commit, again.text()).events];
  return events.filter(({ event }) => event === 'goal').map(({ data }) => data);
}

describe('a connection that is cut inside an event', () => {
  const marks: [string, (id: string) => string][] = [
    ['in its name', () => 'event: go'],
    ['in its data', () => 'data: sec'],
    ['between its data lines', () => 'data: second\n'],
    ['before its id', () => 'data: line\n'],
    ['in its id', (id) => `data: line\nid: ${id.slice(0, -1)}`],
  ];
  describe.each<IdCommit>(['with-data', 'at-line'])('for a client that takes ids %s', (commit) => {
    it.each(marks)('(%s) loses nothing', async (_where, mark) => {
      expect(await readThroughCut('/events', commit, mark)).toEqual(['second\nline']);
    });
  });

  it('on /sse, whose ids stand before the data, loses nothing for a client that takes ids with data', async () => {
    expect(await readThroughCut('/sse', 'with-data', () => 'data: sec')).toEqual(['second\nline']);
  });

  // What document 000's form of a packet costs: docs/http.md and docs/resume.md say so.
  it('on /sse loses it for a client that takes an id as soon as it is read', async () => {
    expect(await readThroughCut('/sse', 'at-line', () => 'data: sec')).toEqual([]);
  });
});
