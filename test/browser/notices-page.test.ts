import type { Page } from 'playwright-core';
import { keepScreenshot, useBrowser } from '../support/browser';
import { spawnGateway } from '../support/process';
import { openTcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

const QUICK = { EVENT_LOG: 'memory', TICK_MS: '0', RETRY_MIN_MS: '50', RETRY_MAX_MS: '100' };

/** An EventSource of the test's own in the page, without any of the page's scripts; notes what it hears. */
async function listen(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(`
    globalThis.heard = [];
    globalThis.source = new EventSource('sse');
    for (const name of ['open', 'message', 'gateway.gap', 'gateway.reset', 'gateway.live'])
      source.addEventListener(name, (event) => heard.push(name + ' ' + (event.data ?? '')));
  `);
  return () => page.evaluate<string[]>('heard');
}

async function publish(url: string, data: string): Promise<void> {
  const res = await fetch(`${url}/broadcast`, { method: 'POST', body: data });
  expect(res.status).toBe(202);
}

describe('what a browser is told after a break', () => {
  const browser = useBrowser();

  it('resumes without a gap after a short one', async () => {
    const gateway = await spawnGateway({ env: QUICK });
    const proxy = await openTcpProxy(gateway.port);
    const { page } = await browser.open(proxy.url);
    const heard = await listen(page);
    await page.locator('#connection[data-state=open]').waitFor();
    await until(async () => (await heard()).length === 1, 'it is open');
    await publish(gateway.url, 'before');
    await until(async () => (await heard()).includes('message before'), 'the first event');
    proxy.cut();
    await page.locator('#connection[data-state=reconnecting]').waitFor();
    for (const data of ['missed-1', 'missed-2']) await publish(gateway.url, data);
    proxy.mend();
    await until(async () => (await heard()).includes('gateway.live {"replayed":2}'), 'it has caught up');
    await page.locator('#rows tr.notice', { hasText: 'Caught up: 2 events replayed' }).waitFor();
    await publish(gateway.url, 'after');
    await page.locator('#rows td.data', { hasText: 'after' }).waitFor();
    await until(async () => (await heard()).includes('message after'), 'the last event');
    const messages = (await heard()).filter((it) => it.startsWith('message'));
    expect(messages).toEqual(['message before', 'message missed-1', 'message missed-2', 'message after']);
    const rows = (await page.locator('#rows td.data').allInnerTexts()).reverse();
    expect(rows).toEqual(['before', 'missed-1', 'missed-2', 'after']);
    expect(await page.locator('#reconnects').textContent()).toBe('1');
  });

  it('gets gateway.gap after one longer than retention', async () => {
    const gateway = await spawnGateway({
      env: { ...QUICK, MEMORY_LOG_RECORDS: '5', RING_RECORDS: '5', RING_WARM_RECORDS: '5' },
    });
    const proxy = await openTcpProxy(gateway.port);
    const { page } = await browser.open(proxy.url);
    const heard = await listen(page);
    await page.locator('#connection[data-state=open]').waitFor();
    await publish(gateway.url, 'before');
    await until(async () => (await heard()).includes('message before'), 'the first event');
    await page.locator('#rows td.data', { hasText: 'before' }).waitFor();
    proxy.cut();
    for (let i = 0; i < 30; i++) await publish(gateway.url, `missed-${i}`);
    proxy.mend();
    await until(async () => (await heard()).some((it) => it.startsWith('gateway.live')), 'it has caught up');
    const gap = (await heard()).find((it) => it.startsWith('gateway.gap'))!;
    expect(JSON.parse(gap.slice('gateway.gap '.length))).toMatchObject({
      reason: 'retention',
      requested: '1',
      available: '26',
      lost: 25,
    });
    expect((await heard()).slice(-6, -1)).toEqual([25, 26, 27, 28, 29].map((i) => `message missed-${i}`));
    await page.locator('#rows tr.notice[data-severity=loss]', { hasText: 'Gap: 25 records' }).waitFor();
    await page.locator('#rows td.data', { hasText: 'missed-29' }).waitFor();
    await keepScreenshot(page, 'live-gap-light');
  });

  it('gets gateway.reset from a gateway with another event log', async () => {
    const gateway = await spawnGateway({ env: QUICK });
    const { page } = await browser.open(gateway.url, { colorScheme: 'dark' });
    const heard = await listen(page);
    await page.locator('#connection[data-state=open]').waitFor();
    await publish(gateway.url, 'before');
    await until(async () => (await heard()).includes('message before'), 'the first event');
    await page.locator('#rows td.data', { hasText: 'before' }).waitFor();
    await gateway.kill();
    const next = await spawnGateway({ env: { ...QUICK, PORT: String(gateway.port) } });
    await until(
      async () => (await heard()).includes('gateway.reset {"reason":"cluster","topics":["events-topic"]}'),
      'the reset',
    );
    await page.locator('#rows tr.notice[data-severity=loss]', { hasText: 'Reset' }).waitFor();
    await publish(next.url, 'after');
    await page.locator('#rows td.data', { hasText: 'after' }).waitFor();
    await until(async () => (await heard()).includes('message after'), 'events go on');
    await keepScreenshot(page, 'live-reset-dark');
  });
});
