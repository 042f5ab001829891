// Makes docs/world.png from the running program: `npm run picture`. With WOD_URL (http://127.0.0.1:7700 after
// `cargo xtask dev`) it visits that server; without, it starts one of its own.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import UPNG from 'upng-js';
import { launch } from './support/browser.js';
import { Player } from './support/player.js';
import { Server } from './support/server.js';

const PICTURE = resolve(import.meta.dirname, '../../docs/world.png');
const VIEW = { width: 1280, height: 720 };
/** Each guest, and the way she takes to her place in the hall. */
const GUESTS = [
  { name: 'Isolde', way: [[89.5, 40], [80, 40], [69.2, 41.2]] },
  { name: 'Lucian', way: [[89.5, 40], [80, 40], [70.6, 36.6]] },
  { name: 'Noor', way: [[89.5, 40], [80, 40], [70, 40.6], [67.5, 45], [63.4, 45.4]] },
];

/** Few enough for a small file, as many as a palette has. */
const COLOURS = 256;

const browser = await launch();
const address = process.env['WOD_URL'];
const server = address === undefined ? await Server.start() : undefined;
try {
  const guests = [];
  for (const { name } of GUESTS) guests.push(await Player.enter(browser, server ?? { url: address }, name, VIEW));
  for (const [index, { way }] of GUESTS.entries()) {
    for (const [x, y] of way) await guests[index].walksTo(x, y);
  }
  await photograph(guests);
  for (const guest of guests) await guest.leaves();
} finally {
  await browser.close();
  await server?.stop();
}

async function photograph([isolde, lucian, noor]) {
  // The greetings of the host would be over before the last guest stands.
  await isolde.until(() => isolde.sees('Marguerite'), 'the host');
  await lucian.says('They say the prince is in town.');
  await isolde.reads('the prince is in town.');
  await noor.says('/me warms her hands over a candle.');
  await isolde.reads('over a candle.');
  await isolde.says('Then keep your voice down, and your glass full.');
  await noor.reads('your glass full.');
  await noor.says(`/w ${GUESTS[0].name} The word at the door is ember.`);
  await isolde.reads('The word at the door is ember.');
  await isolde.page.mouse.move(1, 1);
  await mkdir(dirname(PICTURE), { recursive: true });
  const picture = small(await isolde.page.screenshot({ animations: 'disabled' }));
  await writeFile(PICTURE, picture);
  console.log(`${PICTURE}: ${Math.round(picture.length / 1024)} KiB`);
}

/** The same picture with a palette, a quarter of the size: it lies in the repository. */
function small(png) {
  const picture = UPNG.decode(png);
  return Buffer.from(UPNG.encode(UPNG.toRGBA8(picture), picture.width, picture.height, COLOURS));
}
