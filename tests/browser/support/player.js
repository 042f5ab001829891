// A player in front of the page: hands on keyboard and mouse, eyes on the page, and an ear on its WebSocket, which knows
// to the centimetre what the picture only shows.

import { decode } from '@msgpack/msgpack';
import { EventEmitter } from 'node:events';

/** How long anything may take that is waited for, ms. */
export const PATIENCE_MS = 20_000;
/** Small: a machine without a graphics card paints every pixel itself. */
const VIEW = { width: 960, height: 600 };
/** The page's own measures (`render/camera.ts`): metres that its shorter side shows. */
const METRES_SHOWN = 26;
/** Furthest that one click leads, metres. */
const CLICK_M = 6;
/** Most clicks of one walk. */
const MAX_CLICKS = 40;
/** This near to a point is there, metres. */
const NEAR_M = 0.3;

export class Player {
  /** Messages of the server, in order. */
  received = [];
  /** WebSockets that the page has opened. */
  sockets = 0;
  /** Errors of the page's scripts. */
  errors = [];
  #news = new EventEmitter();

  /** Opens the page in a browser profile of its own, and stays outside. `address`: what follows the server's URL. */
  static async arrive(browser, server, address = '/', viewport = VIEW) {
    const context = await browser.newContext({ viewport });
    const player = new Player();
    player.page = await context.newPage();
    player.page.setDefaultTimeout(PATIENCE_MS);
    player.#news.setMaxListeners(0);
    player.page.on('pageerror', (error) => player.errors.push(error));
    player.page.on('websocket', (socket) => player.#listen(socket));
    await player.page.goto(`${server.url}${address}`);
    return player;
  }

  /** Comes into the world as a guest. */
  static async enter(browser, server, name, viewport = VIEW) {
    const player = await Player.arrive(browser, server, '/', viewport);
    await player.page.fill('#name', name);
    await player.page.press('#name', 'Enter');
    await player.playing();
    return player;
  }

  /** The page says that it is connected, and the world around is there. */
  async playing() {
    await this.page.locator('#link[data-state=playing]').waitFor();
    await this.until(() => this.last('zone') && this.last('roster'), 'a zone and a roster');
  }

  /** Waits until `condition` is truthy, asking at every message that goes or comes; answers what it gave. */
  async until(condition, what) {
    const now = condition();
    if (now) return now;
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(deadline);
        this.#news.off('news', ask);
        settle(value);
      };
      const ask = () => {
        const found = condition();
        if (found) finish(resolve, found);
      };
      const deadline = setTimeout(() => finish(reject, new Error(`waited ${PATIENCE_MS} ms for ${what}; ${this.#situation()}`)), PATIENCE_MS);
      this.#news.on('news', ask);
    });
  }

  /** The latest message of a type. */
  last(type) {
    return this.received.findLast(({ t }) => t === type);
  }

  count(type) {
    return this.received.filter(({ t }) => t === type).length;
  }

  /** Where this player is: her last claim, or where the server put her since. */
  get at() {
    return this.#at;
  }

  /** Somebody around, as the server told of her: id, name, position. */
  sees(name) {
    return [...this.#around.values()].find((entity) => entity.name === name);
  }

  /** Whether the list of people nearby has this name. */
  async lists(name) {
    await this.page.locator('#nearby-list .who', { hasText: name }).first().waitFor();
  }

  /** Types a line into the chat. */
  async says(line) {
    await this.page.fill('#line', line);
    await this.page.press('#line', 'Enter');
    await this.page.press('#line', 'Escape');
  }

  /** Waits for a line of the chat's log. */
  async reads(line) {
    await this.page.locator('#log p', { hasText: line }).first().waitFor();
  }

  /** Walks by keys until `there`. */
  async holds(keys, there, what) {
    for (const key of keys) await this.page.keyboard.down(key);
    await this.until(there, what);
    for (const key of keys) await this.page.keyboard.up(key);
  }

  /**
   * Walks straight to a point of the world by clicks, none further away than the panels leave the ground free. A
   * correction ends a click's walk, and the next click goes on; the test says whether there may be one.
   */
  async walksTo(x, y) {
    const away = () => Math.hypot(x - this.#at.x, y - this.#at.y);
    for (let clicks = 0; away() > NEAR_M; clicks += 1) {
      if (clicks === MAX_CLICKS) throw new Error(`no way to ${x}, ${y}; ${this.#situation()}`);
      await this.#stands();
      const part = Math.min(1, CLICK_M / away());
      const next = { x: this.#at.x + (x - this.#at.x) * part, y: this.#at.y + (y - this.#at.y) * part };
      const corrected = this.count('correct');
      await this.page.mouse.click(...this.#onPage(next.x, next.y));
      await this.until(
        () => Math.hypot(next.x - this.#at.x, next.y - this.#at.y) < NEAR_M || this.count('correct') > corrected,
        `a walk to ${next.x}, ${next.y}`,
      );
    }
  }

  /** Clicks somebody. */
  async clicks(name) {
    await this.#stands();
    const { x, y } = this.sees(name);
    await this.page.mouse.click(...this.#onPage(x, y));
  }

  /** Uses a verb of somebody or something nearby, by the list. */
  async uses(name, verb) {
    await this.page.locator('#nearby-list button', { hasText: name }).first().click();
    await this.page.getByRole('menuitem', { name: verb }).click();
  }

  /** Says goodbye, so that no avatar stays behind in the way of the next test, and closes the page. */
  async leaves() {
    const leave = this.page.locator('#leave');
    if (await leave.isVisible()) {
      await leave.click();
      await this.page.locator('#login').waitFor();
    }
    await this.page.context().close();
  }

  /** For people who look for the reason of a failure. */
  #situation() {
    const corrects = this.received.filter(({ t }) => t === 'correct').map(({ why }) => why);
    return `at ${this.#at.x}, ${this.#at.y}, corrected for [${corrects}], heard last: ${this.received.at(-1)?.t}, ${this.sockets} sockets`;
  }

  /** The picture has come to rest around her: two frames without a new claim show the camera where she is. */
  async #stands() {
    let was;
    do {
      was = { ...this.#at };
      await this.page.evaluate(() => new Promise((done) => {
        let frames = 40;
        const next = () => (--frames > 0 ? requestAnimationFrame(next) : done());
        next();
      }));
    } while (was.x !== this.#at.x || was.y !== this.#at.y);
  }

  #onPage(x, y) {
    const { width, height } = this.page.viewportSize();
    const scale = Math.min(width, height) / METRES_SHOWN;
    return [width / 2 + (x - this.#at.x) * scale, height / 2 - (y - this.#at.y) * scale];
  }

  #at = { x: 0, y: 0 };
  #around = new Map();

  #listen(socket) {
    if (!socket.url().endsWith('/ws')) return;
    this.sockets += 1;
    socket.on('framesent', ({ payload }) => {
      const message = decode(payload);
      if (message.t === 'move') this.#at = { x: message.x, y: message.y };
      this.#news.emit('news');
    });
    socket.on('framereceived', ({ payload }) => {
      const message = decode(payload);
      this.received.push(message);
      this.#learn(message);
      this.#news.emit('news');
    });
  }

  #learn(message) {
    switch (message.t) {
      case 'zone':
      case 'correct':
        this.#at = { x: message.x, y: message.y };
        break;
      case 'roster':
        if (message.full) this.#around.clear();
        for (const id of message.leave) this.#around.delete(id);
        for (const entry of message.enter) this.#around.set(entry.id, { ...entry });
        break;
      case 'update':
        for (const [id, x, y] of message.e) Object.assign(this.#around.get(id) ?? {}, { x, y });
        break;
      default:
        break;
    }
  }
}
