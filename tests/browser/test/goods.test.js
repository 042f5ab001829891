// What two players do with what they carry: at the docks, in a real browser, against the real server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from '../support/browser.js';
import { Player } from '../support/player.js';
import { Server } from '../support/server.js';

/** Where the docks' corner lies on New York's plane. */
const CORNER = { x: 120, y: -120 };
/** Coins for a crate: enough for two. */
const WAGE = 12;
/** Coins for a crowbar, as the docks have it. */
const PRICE = 6;

describe('goods on the page', () => {
  let browser;
  let server;

  before(async () => {
    browser = await launch();
    server = await Server.start([], (world) => world
      .replace('start = "nyc.elysium"', 'start = "nyc.docks"')
      .replace('module = "docks"', `module = "docks"\nconfig = { wage = ${WAGE} }`));
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('two players give and trade, and one walks off in mid-trade', async () => {
    const [ann, bob] = [await Player.enter(browser, server, 'Ann'), await Player.enter(browser, server, 'Bob')];
    await carries(ann, ['nothing']);
    await Promise.all([earnsAndComesToLisle(ann), comesToLisle(bob)]);
    await carries(ann, [`${WAGE} × coin`]);

    // A gift.
    await ann.uses('Bob', 'Give');
    await ann.page.getByLabel('coin').fill(String(PRICE));
    await ann.page.getByRole('button', { name: 'Give', exact: true }).click();
    await bob.reads('Ann hands something to Bob');
    await carries(bob, [`${PRICE} × coin`]);
    await bob.uses('Mr. Lisle', 'Talk');
    await bob.page.getByRole('button', { name: 'I need a crowbar.' }).click();
    await bob.reads('You have got: crowbar.');
    await bob.page.getByRole('button', { name: 'Walk away' }).click();

    // A trade; Bob has no mouse.
    await ann.uses('Bob', 'Trade');
    await state(ann, 'Waiting for Bob to answer.');
    await bob.page.getByRole('button', { name: 'Trade with Ann' }).waitFor();
    await bob.page.keyboard.press('t');
    await bob.page.keyboard.press('Enter');
    await state(ann, 'Choose below what you give.');
    await bob.page.keyboard.press('Tab');
    await bob.page.keyboard.press('Space');
    await state(ann, 'Now Bob gives crowbar, you give nothing.');
    await ann.page.locator('#trade').getByLabel('coin').fill('4');
    await state(bob, 'Now Ann gives 4 × coin, you give crowbar.');
    await accepting(ann).click();
    await state(ann, 'Waiting for Bob to accept.');
    await state(bob, 'Ann accepts: Ann gives 4 × coin, you give crowbar.');
    await accepting(bob).waitFor();
    await bob.page.keyboard.press('Tab');
    await bob.page.keyboard.press('Enter');
    await state(ann, 'Bob gave crowbar, you gave 4 × coin.');
    await state(bob, 'Ann gave 4 × coin, you gave crowbar.');
    await carries(ann, [`${WAGE - PRICE - 4} × coin`, 'crowbar']);
    await carries(bob, ['4 × coin']);
    await bob.page.keyboard.press('Escape');
    await bob.page.locator('#trade').waitFor({ state: 'hidden' });

    // Another, which one walks away from.
    await bob.uses('Ann', 'Trade');
    await ann.page.getByRole('button', { name: 'Trade with Bob' }).click();
    await ann.page.getByLabel('crowbar').check();
    await state(bob, 'Now Ann gives crowbar, you give nothing.');
    await goes(ann, 'd', (x) => x > 100);
    for (const [player, other] of [[ann, 'Bob'], [bob, 'Ann']]) {
      await state(player, `You and ${other} are too far apart. Nothing has changed hands.`);
    }
    await carries(ann, [`${WAGE - PRICE - 4} × coin`, 'crowbar']);
    await carries(bob, ['4 × coin']);

    await Promise.all([ann.leaves(), bob.leaves()]);
    assert.deepEqual([...ann.errors, ...bob.errors], [], 'errors on the pages');
  });
});

/** Carries a crate from the pile to the scale, and goes to the broker's room. */
async function earnsAndComesToLisle(player) {
  await goes(player, 's', (x, y) => y < 58);
  await goes(player, 'd', (x) => x > 93);
  await goes(player, 's', (x, y) => y < 37.6);
  await player.uses('Pile of crates', 'Lift a crate');
  await player.page.getByLabel('Lift a crate').waitFor();
  await player.until(() => player.received.find(({ name }) => name === 'progress_over'), 'a crate in her arms');
  await goes(player, 'd', (x) => x > 104);
  await goes(player, 'w', (x, y) => y > 71);
  await player.uses('Scale', 'Set the crate down');
  await player.reads(`You have got: ${WAGE} × coin.`);
  await goes(player, 'w', (x, y) => y > 78);
  await goes(player, 'a', (x) => x < 98);
  await goes(player, 'w', (x, y) => y > 86.2);
  await goes(player, 'a', (x) => x < 93);
}

/** Goes to the broker's room, up to his table. */
async function comesToLisle(player) {
  await goes(player, 's', (x, y) => y < 74.5);
  await goes(player, 'd', (x) => x > 98);
  await goes(player, 'w', (x, y) => y > 86.2);
  await goes(player, 'a', (x) => x < 90.5);
}

/** Walks by a key until she is there: metres on the docks' map. */
async function goes(player, key, there) {
  await player.holds([key], () => there(player.at.x - CORNER.x, player.at.y - CORNER.y), `${key} until ${there}`);
}

/** The list of what she carries shows exactly this. */
async function carries(player, things) {
  const shown = things[0] === 'nothing' ? 'Nothing yet.' : '';
  const wanted = things[0] === 'nothing' ? [] : things;
  await player.page.waitForFunction(
    ([note, lines]) => document.getElementById('carried-note').textContent === note
      && JSON.stringify([...document.querySelectorAll('#carried-list li')].map((line) => line.textContent)) === JSON.stringify(lines),
    [shown, wanted],
  );
}

/** The trade says this. */
async function state(player, text) {
  await player.page.locator('#trade-state', { hasText: text }).waitFor();
}

/** The button that accepts, as soon as it can be pressed. */
function accepting(player) {
  return player.page.locator('#trade-acts button[aria-disabled=false]', { hasText: 'Accept' });
}
