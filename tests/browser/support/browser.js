// Debian's Chromium, without a window.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PATH = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Starts the browser; where there is none, the error is the line to type. */
export async function launch() {
  if (!existsSync(PATH)) throw new Error(`there is no ${PATH}: apt-get install chromium`);
  return chromium.launch({
    executablePath: PATH,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      // Pages that are not in front have to go on walking.
      '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows', '--disable-background-timer-throttling',
    ],
  });
}
