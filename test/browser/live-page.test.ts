import type { Page } from 'playwright-core';
import { keepScreenshot, useBrowser } from '../support/browser';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { until } from '../support/until';

const DESKTOP = { width: 1280, height: 800 };

async function publish(url: string, path: string, body: string): Promise<void> {
  const res = await fetch(`${url}/broadcast${path}`, { method: 'POST', body });
  expect(res.status).toBe(202);
}

/** Data of the rows shown, oldest first. */
async function shown(page: Page): Promise<string[]> {
  return (await page.locator('#rows td.data').allInnerTexts()).reverse();
}

async function untilShown(page: Page, data: string): Promise<void> {
  await page.locator('#rows td.data', { hasText: data }).first().waitFor();
}

async function untilConnected(page: Page): Promise<void> {
  await page.locator('#connection[data-state=open]').waitFor();
}

describe('the live page', () => {
  const browser = useBrowser();
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = await spawnGateway({
      env: { EVENT_LOG: 'memory', TICK_MS: '0', RETRY_MIN_MS: '100', RETRY_MAX_MS: '200' },
    });
  });

  it('shows events with channel, name, latency, position and id', async () => {
    const { page, complaints } = await browser.open(gateway.url);
    await untilConnected(page);
    await publish(gateway.url, '/pets/dogs', 'plain <b>text</b>');
    await untilShown(page, 'plain <b>text</b>');
    const row = page.locator('#rows tr').first();
    const cells = await row.locator('td').allInnerTexts();
    expect(cells[1]).toBe('/pets/dogs');
    expect(cells[3]).toBe('plain <b>text</b>');
    expect(cells[4]).toMatch(/^\d+ ms$/);
    expect(cells[5]).toMatch(/^events-topic\/0 @ \d+$/);
    expect(cells[6]).toMatch(/^3\./);
    await until(async () => (await page.locator('#event-count').textContent()) === '1', 'it is counted');
    expect(complaints).toEqual([]);
  });

  it('filters by channel and by name, and keeps both in the address', async () => {
    const { page, complaints } = await browser.open(gateway.url);
    await untilConnected(page);
    await page.getByLabel('Channel').first().fill('/pets');
    await page.getByLabel('Event names').fill('bark');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await untilConnected(page);
    await publish(gateway.url, '/pets/cats?event=purr', 'not this name');
    await publish(gateway.url, '/cars?event=bark', 'not this channel');
    await publish(gateway.url, '/pets/dogs?event=bark', 'this one');
    await untilShown(page, 'this one');
    expect(await shown(page)).toEqual(['this one']);
    expect(await page.locator('#rows .tag').textContent()).toBe('bark');
    expect(await page.locator('#shell').textContent()).toContain('/events?channel=/pets&event=bark');
    await page.reload();
    await untilConnected(page);
    expect(await page.getByLabel('Event names').inputValue()).toBe('bark');
    expect(complaints).toEqual([]);
  });

  it('says how many records its event names hide', async () => {
    const { page } = await browser.open(gateway.url);
    await untilConnected(page);
    await publish(gateway.url, '', 'first');
    await publish(gateway.url, '?event=unknown-here', 'unheard');
    await publish(gateway.url, '', 'third');
    await untilShown(page, 'third');
    expect(await shown(page)).toEqual(['first', 'third']);
    await page.getByText('1 record hidden').waitFor();
  });

  it('publishes by keyboard alone, and listens for the published name', async () => {
    const { page, complaints } = await browser.open(gateway.url);
    await untilConnected(page);
    const isOn = async (id: string) => (await page.locator(`#${id}:focus`).count()) === 1;
    const tabTo = async (id: string) => {
      for (let i = 0; i < 30 && !(await isOn(id)); i++) await page.keyboard.press('Tab');
      expect(await isOn(id)).toBe(true);
    };
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Skip to the events');
    await tabTo('publish-channel');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('/from/the page');
    await tabTo('publish-event');
    await page.keyboard.type('typed');
    await tabTo('publish-data');
    await page.keyboard.type('by keyboard');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await untilShown(page, 'by keyboard');
    expect(await page.locator('#rows .channel').first().textContent()).toBe('/from/the page');
    expect(await page.locator('#rows .tag').first().textContent()).toBe('typed');
    await page.getByText(/^Stored at events-topic\/0 @ \d+$/).waitFor();
    expect(complaints).toEqual([]);
  });

  it('takes channels without their leading slash, to listen and to publish', async () => {
    const { page } = await browser.open(gateway.url);
    await untilConnected(page);
    await page.getByLabel('Channel').first().fill('cust-21');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await untilConnected(page);
    await page.locator('#publish-channel').fill('cust-21/orders');
    await page.locator('#publish-data').fill('without a slash');
    await page.getByRole('button', { name: 'Publish' }).click();
    await untilShown(page, 'without a slash');
    expect(await page.locator('#rows .channel').first().textContent()).toBe('/cust-21/orders');
  });

  it('shows why an event was rejected', async () => {
    const { page } = await browser.open(gateway.url);
    await page.locator('#publish-event').fill('gateway.gap');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText(/^400: event must not be/).waitFor();
  });

  it('shows a rejection without problem JSON, as from a proxy', async () => {
    const { page } = await browser.open(gateway.url);
    await page.route('**/broadcast/*', (route) => route.fulfill({ status: 413, body: '<h1>Too large</h1>' }));
    await page.locator('#publish-channel').fill('/pets');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('413: rejected').waitFor();
  });

  it('queues events while paused, and clears', async () => {
    const { page } = await browser.open(gateway.url);
    await untilConnected(page);
    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.click();
    expect(await pause.getAttribute('aria-pressed')).toBe('true');
    await publish(gateway.url, '', 'held');
    await page.getByText('1 waiting').waitFor();
    expect(await shown(page)).toEqual([]);
    await pause.click();
    await untilShown(page, 'held');
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('No events yet.').waitFor();
  });

  it('keeps a bounded number of rows', async () => {
    const { page } = await browser.open(gateway.url);
    await untilConnected(page);
    const events = Array.from({ length: 700 }, (_, i) => ({ data: `many-${i}` }));
    const res = await fetch(`${gateway.url}/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(events),
    });
    expect(res.status).toBe(202);
    await untilShown(page, 'many-699');
    expect((await shown(page)).length).toBe(500);
    await until(async () => (await page.locator('#event-count').textContent()) === '700', 'all are counted');
  });

  it('looks as it should in light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, complaints } = await browser.open(gateway.url, { colorScheme, viewport: DESKTOP });
      await untilConnected(page);
      await page.getByLabel('Event names').fill('message, price, alert');
      await page.getByRole('button', { name: 'Subscribe' }).click();
      await untilConnected(page);
      for (let i = 0; i < 30; i++) {
        const [channel, name] = [
          ['/markets/eu', '?event=price'],
          ['/plant/line-2', ''],
          ['/plant/line-2/press', i % 6 === 2 ? '?event=alert' : ''],
        ][i % 3]!;
        await publish(
          gateway.url,
          `${channel}${name}`,
          JSON.stringify({ reading: i, unit: 'kPa', value: 99.5 + i }),
        );
      }
      await publish(gateway.url, '/plant', JSON.stringify({ report: 'long '.repeat(120) }));
      await untilShown(page, 'long');
      await page.getByRole('button', { name: 'Publish' }).click();
      await page.getByText(/^Stored at/).waitFor();
      await until(async () => (await page.locator('#rate').textContent()) !== '0', 'the rate shows');
      await page.mouse.wheel(0, -10_000);
      await keepScreenshot(page, `live-${colorScheme}`);
      await page.setViewportSize({ width: 420, height: 900 });
      await keepScreenshot(page, `live-narrow-${colorScheme}`);
      expect(complaints).toEqual([]);
    }
  });
});
