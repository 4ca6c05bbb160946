import { useBrowser } from '../support/browser';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { hmacToken, JWT_SECRET } from '../support/tokens';

describe('the live page with a token in a cookie', () => {
  const browser = useBrowser();
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = await spawnGateway({
      env: { EVENT_LOG: 'memory', TICK_MS: '0', JWT_SECRET, JWT_COOKIE: 'session' },
    });
  });

  it('is rejected without one, and subscribes and publishes with it', async () => {
    const { page } = await browser.open(gateway.url);
    await page.locator('#connection[data-state=rejected]').waitFor();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('#published.fault', { hasText: '401' }).waitFor();

    const value = hmacToken({ subscribe: ['/'], publish: ['/chat'] });
    await page
      .context()
      .addCookies([{ name: 'session', value, url: gateway.url, httpOnly: true, sameSite: 'Lax' }]);
    await page.reload();
    await page.locator('#connection[data-state=open]').waitFor();
    await page.locator('#publish-channel').fill('/chat/1');
    await page.locator('#publish-data').fill('signed in');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('#published:not(.fault)', { hasText: 'Stored' }).waitFor();
    await page.locator('#rows td.data', { hasText: 'signed in' }).waitFor();

    await page.locator('#publish-channel').fill('/elsewhere');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('#published.fault', { hasText: '403' }).waitFor();
  });

  it('shows that the token expires, and continues with the next one', async () => {
    const { page } = await browser.open('about:blank');
    const signIn = (seconds: number) =>
      page.context().addCookies([
        {
          name: 'session',
          value: hmacToken({ subscribe: ['/'], exp: Math.floor(Date.now() / 1_000) + seconds }),
          url: gateway.url,
        },
      ]);
    // The clocks may differ by five seconds, so it is good for as much longer.
    await signIn(5);
    await page.goto(gateway.url);
    await page.locator('#connection[data-state=open]').waitFor();
    await page.locator('#rows', { hasText: 'The token expires at' }).waitFor();
    await signIn(600);
    await page.locator('#rows', { hasText: 'Reconnected' }).waitFor({ timeout: 30_000 });
  });
});
