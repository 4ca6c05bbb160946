import { keepScreenshot, useBrowser } from '../support/browser';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

const DESKTOP = { width: 1280, height: 800 };

describe('the admin page', () => {
  const browser = useBrowser();

  function start(env: Record<string, string> = {}): Promise<GatewayProcess> {
    return spawnGateway({ env: { EVENT_LOG: 'memory', TICK_MS: '100', ...env } });
  }

  it('shows the streams and keeps itself up to date', async () => {
    const { url } = await start();
    const first = await openStream(`${url}/subscribe/pets`, { headers: { 'User-Agent': 'test/1' } });
    const { page, complaints } = await browser.open(`${url}/admin`);
    expect(page.url()).toBe(`${url}/admin/`);
    const row = page.locator('#rows tr', { hasText: '/subscribe/pets' });
    await row.waitFor();
    expect((await row.locator('td').allInnerTexts()).slice(0, 5)).toEqual([
      'live',
      '/subscribe/pets',
      '/pets',
      '127.0.0.1',
      'test/1',
    ]);
    expect(await page.locator('#total').textContent()).toBe('1');
    await openStream(`${url}/sse`);
    await until(async () => (await page.locator('#total').textContent()) === '2', 'the second stream shows');
    const broadcast = Number(await page.locator('#broadcast').textContent());
    await until(
      async () => Number(await page.locator('#broadcast').textContent()) > broadcast,
      'it counts on',
    );
    first.close();
    await row.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('is sorted by the chosen order', async () => {
    const { url } = await start();
    const { page, complaints } = await browser.open(`${url}/admin/`);
    await page.getByRole('link', { name: 'furthest behind' }).click();
    await page.waitForURL(/\?sort=behind$/);
    await page.locator('#status[data-state=open]').waitFor();
    expect(await page.locator('th[aria-sort=descending]').textContent()).toBe('Behind');
    expect(await page.locator('[aria-current=page]').textContent()).toBe('furthest behind');
    expect(complaints).toEqual([]);
  });

  it('asks for the key, and shows an unreachable gateway', async () => {
    const gateway = await start({ ADMIN_KEY: 'correct horse' });
    const { page } = await browser.open(`${gateway.url}/admin/`, {
      httpCredentials: { username: 'any', password: 'correct horse' },
    });
    await page.locator('#status[data-state=open]').waitFor();
    await gateway.kill();
    await page.getByText('Gateway unreachable; retrying').waitFor();
  });

  it('shows that the gateway does not answer, and continues when it does', async () => {
    const { url } = await start();
    const { page } = await browser.open(`${url}/admin/`);
    await page.locator('#status[data-state=open]').waitFor();
    // Neither passed on nor refused.
    await page.route('**/status.json*', () => undefined);
    await page.getByText('Gateway unreachable; retrying').waitFor();
    await page.unroute('**/status.json*');
    await page.locator('#status[data-state=open]').waitFor();
  });

  it('looks as it should in light and dark', async () => {
    const { url, port } = await start({
      TICK_MS: '5',
      SLOW_GRACE_MS: '60000',
      MAX_CLIENT_BUFFER_BYTES: '1024',
    });
    for (const path of ['sse', 'events?channel=/pets&channel=/cars', 'subscribe/plant/line-2', 'events']) {
      await openStream(`${url}/${path}`, { headers: { 'User-Agent': `curl/8.${path.length}` } });
    }
    const slow = rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\nUser-Agent: never-reads/1.0\r\n\r\n');
    await slow.until(':ok');
    slow.socket.pause();
    const filler = 'x'.repeat(200_000);
    for (let i = 0; i < 60; i++) await fetch(`${url}/broadcast/plant`, { method: 'POST', body: filler });
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, complaints } = await browser.open(`${url}/admin/?sort=buffered`, {
        colorScheme,
        viewport: DESKTOP,
      });
      await page.locator('#rows .tag[data-state=slow]').waitFor();
      await keepScreenshot(page, `admin-${colorScheme}`);
      expect(complaints).toEqual([]);
    }
  });
});
