import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { chromiumCommand, missingForBrowser } from '../../infra/local/chromium';
import { repositoryRoot } from '../../infra/local/repository';

export interface TestPage {
  readonly page: Page;
  /** What the browser complained about: errors on its console, exceptions, violations of the page's policy. */
  readonly complaints: readonly string[];
}

export interface BrowserHolder {
  /** A page in a context of its own, closed after the test. */
  open(url: string, options?: BrowserContextOptions): Promise<TestPage>;
}

const START_LIMIT_MS = 60_000;
/** A test that waits longer for the page has failed. */
const ACTION_LIMIT_MS = 15_000;
const TEST_LIMIT_MS = 60_000;

/** One browser for all tests of the file, with a fresh profile, gone after the last. */
export function useBrowser(): BrowserHolder {
  let browser: Browser | null = null;
  jest.setTimeout(TEST_LIMIT_MS);

  beforeAll(async () => {
    const missing = missingForBrowser();
    if (missing !== null) throw new Error(missing);
    browser = await chromium.launch({
      executablePath: chromiumCommand()!,
      // Tests may run as root, in a container without a GPU; and nothing may leave the machine.
      chromiumSandbox: false,
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  }, START_LIMIT_MS);

  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
  });

  afterAll(async () => {
    await browser?.close();
  });

  return {
    async open(url, options = {}) {
      const context = await browser!.newContext(options);
      context.setDefaultTimeout(ACTION_LIMIT_MS);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await page.goto(url);
      return { page, complaints };
    },
  };
}

/** Keeps what a page looks like, for people to look at, in the ignored directory of the repository. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const directory = join(repositoryRoot(), '.cache/screenshots');
  mkdirSync(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`) });
}
