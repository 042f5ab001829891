// What a player does with the page, done by two of them in a real browser against the real server.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import { launch } from '../support/browser.js';
import { Player } from '../support/player.js';
import { Server, tool } from '../support/server.js';

/** What `wod dev` checks tickets with here. */
const SECRET = 'a secret of thirty-two bytes or more';
/** Outside the house's front door, and in its hall before the host. */
const FRONT = { x: 89.5, y: 40 };
const HOST = { x: 69, y: 40 };
/** The server keeps positions to 1/256 m. */
const ROUNDING_M = 0.01;
/** The house's front: south of the door it is a wall, whose outside is here. */
const WALL_X = 86.25;
const DOOR_SOUTH_Y = 37;

describe('the page', () => {
  let browser;
  let server;
  const players = [];

  before(async () => {
    browser = await launch();
    server = await Server.start(['--ticket-secret', SECRET]);
  });
  afterEach(async () => {
    const gone = players.splice(0);
    await Promise.all(gone.map((player) => player.leaves()));
    assert.deepEqual(gone.flatMap(({ errors }) => errors), [], 'errors on the pages');
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function enter(name) {
    const player = await Player.enter(browser, server, name);
    players.push(player);
    return player;
  }

  async function arrive(address) {
    const player = await Player.arrive(browser, server, address);
    players.push(player);
    return player;
  }

  test('two guests see each other by name', async () => {
    const [ann, bob] = [await enter('Ann'), await enter('Bob')];
    await ann.lists('Bob');
    await bob.lists('Ann');
  });

  test('a walk by keyboard is seen by the other', async () => {
    const [ann, bob] = [await enter('Ada'), await enter('Ben')];
    const from = await bob.until(() => bob.sees('Ada'), 'Ada');
    const { x } = from;
    await ann.holds(['d'], () => ann.at.x > x + 2, 'two metres to the east');
    await bob.until(() => bob.sees('Ada').x > x + 1.9, 'Ada further east');
    assert.equal(ann.count('correct'), 0);
  });

  test('a walk by click is seen by the other', async () => {
    const [ann, bob] = [await enter('Amy'), await enter('Bill')];
    await bob.until(() => bob.sees('Amy'), 'Amy');
    await ann.walksTo(FRONT.x, FRONT.y);
    await bob.until(() => Math.hypot(bob.sees('Amy').x - FRONT.x, bob.sees('Amy').y - FRONT.y) < 0.5, 'Amy at the door');
    assert.equal(ann.count('correct'), 0);
  });

  test('who slides along a wall and round its corner is never corrected', async () => {
    const ann = await enter('Alma');
    await ann.walksTo(WALL_X + 2, DOOR_SOUTH_Y - 3);
    await ann.holds(['a'], () => ann.at.x < WALL_X + 0.4, 'the wall');
    await ann.holds(['w', 'a'], () => ann.at.x < WALL_X - 4, 'the hall behind the corner');
    await ann.holds(['s', 'd'], () => ann.at.x > WALL_X - 1 && ann.at.y < DOOR_SOUTH_Y, 'the wall from within');
    await ann.holds(['w', 'd'], () => ann.at.x > WALL_X + 2, 'the street again');
    assert.equal(ann.count('correct'), 0);
  });

  test('players say, shout and whisper, and read each other', async () => {
    const [ann, bob] = [await enter('Alice'), await enter('Bruno')];
    await ann.lists('Bruno');
    await bob.lists('Alice');
    await ann.walksTo(FRONT.x + 3, FRONT.y);
    await bob.walksTo(FRONT.x + 4, FRONT.y - 2);
    await ann.says('Good evening.');
    await bob.reads('Alice: Good evening.');
    await ann.reads('Alice: Good evening.');
    await bob.says('/shout Is anybody there?');
    await ann.reads('Bruno shouts: Is anybody there?');
    await ann.says('/w Bruno Meet me at the bar.');
    await bob.reads('Alice whispers: Meet me at the bar.');
    await ann.reads('To Bruno: Meet me at the bar.');
    await bob.says('/me nods.');
    await ann.reads('Bruno nods.');
  });

  test('a click on the host opens her verbs, and a talk is led to its end', async () => {
    const { page, clicksHost } = await insideWith('Agnes');
    await clicksHost();
    await page.getByRole('menuitem', { name: 'Talk' }).click();
    await page.locator('#dialogue-name', { hasText: 'Marguerite' }).waitFor();
    await page.locator('#dialogue-text', { hasText: 'So you are Agnes.' }).waitFor();
    await page.getByRole('button', { name: 'What are the rules here?' }).click();
    await page.locator('#dialogue-text', { hasText: 'They are short.' }).waitFor();
    // By its number, as the button says.
    await page.locator('#dialogue-options button:not(:disabled)', { hasText: 'I understand.' }).waitFor();
    await page.keyboard.press('2');
    await page.locator('#dialogue-text', { hasText: 'Sit by me.' }).waitFor();
    await page.getByRole('button', { name: 'Walk away' }).click();
    await page.locator('#dialogue').waitFor({ state: 'hidden' });
  });

  test('a swapped module keeps the socket, the place and the talk', async () => {
    const { player, page, clicksHost } = await insideWith('Asta');
    await clicksHost();
    await page.getByRole('menuitem', { name: 'Talk' }).click();
    await page.locator('#dialogue-text', { hasText: 'So you are Asta.' }).waitFor();
    const { at } = player;
    await watchLink(page);
    const next = server.file('next.wasm');
    await writeFile(next, withCustomSection(await readFile(Server.module('elysium'))));
    await server.operate('swap', 'nyc.elysium', next);
    const zone = await player.until(() => player.received.find(({ t, reason }) => t === 'zone' && reason === 'swapped'), 'the swap');
    assert.equal(zone.generation, 1);
    await page.getByRole('button', { name: 'How are the streets tonight?' }).click();
    await page.locator('#dialogue-text', { hasText: 'It is hungry' }).waitFor();
    assert.ok(Math.hypot(player.at.x - at.x, player.at.y - at.y) < ROUNDING_M, 'she stands where she stood');
    assert.equal(player.sockets, 1);
    assert.deepEqual(await page.evaluate(() => window.linkStates), []);
  });

  test('after the server was killed and started again, the same avatar goes on by itself', async () => {
    const [ann, bob] = [await enter('Astrid'), await enter('Bjorn')];
    await ann.walksTo(FRONT.x + 2, FRONT.y);
    await bob.walksTo(FRONT.x + 4, FRONT.y - 2);
    await bob.until(() => bob.sees('Astrid')?.x < FRONT.x + 2.5, 'Astrid at the door');
    const { you, session } = ann.last('welcome');
    const welcomes = ann.count('welcome');
    await ann.says('/me waits for the lights.');
    await bob.reads('Astrid waits for the lights.');

    await server.kill();
    await ann.page.locator('#link[data-state=waiting]').waitFor();
    await server.begin();

    await ann.until(() => ann.count('welcome') > welcomes, 'another welcome');
    await Promise.all([ann.playing(), bob.playing()]);
    assert.deepEqual({ you: ann.last('welcome').you, session: ann.last('welcome').session }, { you, session });
    await bob.lists('Astrid');
    await ann.says('Still here.');
    await bob.reads('Astrid: Still here.');
    assert.equal(await ann.page.locator('#log p', { hasText: 'waits for the lights' }).count(), 1);
    const { x } = ann.at;
    await ann.holds(['d'], () => ann.at.x > x + 1, 'a metre to the east');
    await bob.until(() => bob.sees('Astrid').x > x + 0.9, 'Astrid further east');
  });

  test('a reload of the page goes on with the same avatar, and with what she has heard', async () => {
    const ann = await enter('Anouk');
    await ann.says('Before the reload.');
    await ann.reads('Anouk: Before the reload.');
    const { you } = ann.last('welcome');
    const welcomes = ann.count('welcome');
    await ann.page.reload();
    await ann.until(() => ann.count('welcome') > welcomes, 'another welcome');
    assert.equal(ann.last('welcome').you, you);
    await ann.page.locator('#link[data-state=playing]').waitFor();
    await ann.reads('Anouk: Before the reload.');
  });

  test('a ticket in the address is a login, and is gone from the address', async () => {
    const ticket = await tool('ticket', '--secret', SECRET, '--sub', 'ingrid', '--name', 'Ingrid');
    const ingrid = await arrive(`/#ticket=${ticket}`);
    await ingrid.playing();
    assert.equal(ingrid.last('welcome').name, 'Ingrid');
    assert.equal(new URL(ingrid.page.url()).hash, '');
  });

  test('a ticket typed into its field is a login; a forged one is refused in words', async () => {
    const ticket = await tool('ticket', '--secret', SECRET, '--sub', 'irma', '--name', 'Irma');
    const irma = await arrive('/');
    const { page } = irma;
    await page.getByText('I have a ticket').click();
    await page.fill('#ticket', `${ticket.slice(0, -8)}AAAAAAAA`);
    await page.press('#ticket', 'Enter');
    await page.locator('#login-problem', { hasText: 'did not let you in' }).waitFor();
    await page.fill('#ticket', ticket);
    await page.press('#ticket', 'Enter');
    await irma.playing();
    assert.equal(irma.last('welcome').name, 'Irma');
  });

  /** Walks a new guest into the house, before its host. */
  async function insideWith(name) {
    const player = await enter(name);
    await player.walksTo(FRONT.x, FRONT.y);
    await player.walksTo(HOST.x + 9, HOST.y);
    await player.walksTo(HOST.x, HOST.y);
    await player.until(() => player.sees('Marguerite'), 'the host');
    return { player, page: player.page, clicksHost: () => player.clicks('Marguerite') };
  }
});

/** Notes every change of the connection's state from now on, in `window.linkStates`. */
async function watchLink(page) {
  await page.evaluate(() => {
    window.linkStates = [];
    const link = document.getElementById('link');
    new MutationObserver(() => window.linkStates.push(link.dataset.state)).observe(link, { attributeFilter: ['data-state'] });
  });
}

/** The same component with a custom section more: other bytes, the same behaviour. */
function withCustomSection(component) {
  const name = Buffer.from('browser-test');
  return Buffer.concat([component, Buffer.from([0, name.length + 1, name.length]), name]);
}
