import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePorts } from '../../infra/local/ports';
import { useBrowser } from '../support/browser';
import { openNginx } from '../support/nginx';
import { spawnGateway } from '../support/process';

/** Of EventSource: it will not try again. */
const CLOSED = 2;

/** Puts what it sees on the page, for the test to wait for. */
const PAGE = `<!doctype html><title>a page of another origin</title><p id="log"></p><script>
const { url, withCredentials } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const log = document.getElementById('log');
const source = new EventSource(url, { withCredentials });
const say = (word) => { log.textContent += word + source.readyState + ' '; };
source.onopen = () => say('open');
source.onerror = () => say('error');
source.onmessage = ({ data }) => say(data);
</script>`;

describe('an EventSource of another origin', () => {
  const browser = useBrowser();
  let server: Server;
  let origin: string;

  beforeAll(async () => {
    server = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end(PAGE);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const openPage = (url: string, withCredentials: boolean) =>
    browser.open(`${origin}/#${encodeURIComponent(JSON.stringify({ url, withCredentials }))}`);

  it.each([
    ['any origin may read', false],
    ['it is in the list, with credentials', true],
  ])(
    'outlives the absence of all gateways when %s',
    async (_, isListed) => {
      const [port] = await freePorts(1);
      const corsOrigins = isListed ? ['https://a.example', origin] : [];
      const nginx = await openNginx({ upstreams: [`127.0.0.1:${port}`], corsOrigins });
      const { page } = await openPage(`${nginx.url}/sse`, isListed);
      const log = page.locator('#log');
      // Told twice to come back, and it did.
      await log.filter({ hasText: /error0.*error0/ }).waitFor({ timeout: 40_000 });
      await spawnGateway({
        env: { PORT: String(port), EVENT_LOG: 'memory', TICK_MS: '0', CORS_ORIGINS: corsOrigins.join(',') },
      });
      const posted = async () =>
        (await fetch(`${nginx.url}/broadcast`, { method: 'POST', body: 'here' })).status === 202;
      await expect(posted()).resolves.toBe(true);
      await page.evaluate(
        'new Promise((done) => { const look = () => source.readyState === 1 ? done() : setTimeout(look, 20); look(); })',
      );
      await expect(posted()).resolves.toBe(true);
      await log.filter({ hasText: /here1/ }).waitFor();
      expect(await log.textContent()).not.toContain(`error${CLOSED}`);
    },
    90_000,
  );

  it('gives up where it is not in the list, as browsers do: this is what the list is for', async () => {
    const [port] = await freePorts(1);
    const nginx = await openNginx({ upstreams: [`127.0.0.1:${port}`], corsOrigins: ['https://a.example'] });
    const { page } = await openPage(`${nginx.url}/sse`, false);
    await page
      .locator('#log')
      .filter({ hasText: `error${CLOSED}` })
      .waitFor();
  });
});
