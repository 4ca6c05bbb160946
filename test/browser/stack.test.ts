import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useBrowser } from '../support/browser';
import { useBroker } from '../support/kafka';
import { openNginx } from '../support/nginx';
import { publishNumbered, spawnReturningGateway } from '../support/returning-gateway';

/** What Chromium says by itself of a server that is away. */
const AWAY = /net::ERR_/;

describe('the live page on the whole stack', () => {
  const kafka = useBroker();
  const browser = useBrowser();

  const start = (port = 0) => spawnReturningGateway(kafka, port);

  it('shows no gap when its gateway is killed and restarted', async () => {
    const [gateway, other] = [await start(), await start()];
    const { page, complaints } = await browser.open(gateway.url);
    await page.locator('#connection[data-state=open]').waitFor();
    // Once an id is known there is a place to go on from.
    await publishNumbered(other.url, 0, 10);
    await page.locator('#rows td.data', { hasText: 'n-9' }).waitFor();
    await gateway.kill();
    await page.locator('#connection[data-state=reconnecting]').waitFor();
    await publishNumbered(other.url, 10, 40);
    const again = await start(gateway.port);
    await page.locator('#connection[data-state=open]').waitFor();
    await publishNumbered(again.url, 40, 50);
    await page.locator('#rows td.data', { hasText: 'n-49' }).waitFor();
    const rows = (await page.locator('#rows td.data').allInnerTexts()).reverse();
    expect(rows).toEqual(Array.from({ length: 50 }, (_, i) => `n-${i}`));
    expect(await page.locator('#rows tr.notice[data-severity=loss]').count()).toBe(0);
    expect(await page.locator('#hidden').isVisible()).toBe(false);
    expect(complaints.filter((text) => !AWAY.test(text))).toEqual([]);
  });

  it('works through nginx, which shows the admin page to nobody', async () => {
    const gateway = await start();
    const nginx = await openNginx({ upstreams: [`127.0.0.1:${gateway.port}`] });
    const { page, complaints } = await browser.open(nginx.url);
    await page.locator('#connection[data-state=open]').waitFor();
    await page.locator('#publish-data').fill('through nginx');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('#rows td.data', { hasText: 'through nginx' }).waitFor();
    expect(complaints).toEqual([]);
    for (const path of ['/admin', '/admin/', '/admin/status.json', '/ADMIN/', '/%61dmin/']) {
      expect((await fetch(nginx.url + path)).status).toBe(404);
    }
  });

  it('works behind a path prefix', async () => {
    const gateway = await start();
    const proxy = createServer((req, res) => {
      if (!req.url!.startsWith('/some/prefix/')) {
        res.writeHead(404).end();
        return;
      }
      const path = req.url!.slice('/some/prefix'.length);
      const { method = 'GET', headers } = req;
      const passed = request({ port: gateway.port, host: '127.0.0.1', path, method, headers }, (answer) => {
        res.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(res);
      });
      passed.on('error', () => res.destroy());
      res.on('close', () => passed.destroy());
      req.pipe(passed);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const { page, complaints } = await browser.open(
        `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/some/prefix/`,
      );
      await page.locator('#connection[data-state=open]').waitFor();
      await page.locator('#publish-channel').fill('/deep/er');
      await page.locator('#publish-data').fill('with a prefix');
      await page.getByRole('button', { name: 'Publish' }).click();
      await page.locator('#rows td.data', { hasText: 'with a prefix' }).waitFor();
      expect(await page.locator('#shell').textContent()).toContain('/some/prefix/events');
      expect(complaints).toEqual([]);
    } finally {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    }
  });
});
