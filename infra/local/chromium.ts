import { existsSync } from 'node:fs';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The browser to drive; null when there is none. */
export function chromiumCommand(): string | null {
  return PLACES.find((place) => existsSync(place)) ?? null;
}

/** Why no browser can be driven on this machine, with what to install; null when it can. */
export function missingForBrowser(): string | null {
  return chromiumCommand() === null
    ? 'Chromium is not installed: `apt-get install chromium` (Debian) or `brew install --cask chromium` (macOS).'
    : null;
}
