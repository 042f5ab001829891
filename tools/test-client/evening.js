// An evening of three outside clients at the docks of the sample world: two meet, talk at every range, work, buy, trade, and whisper
// over the ocean; a third is cut off in mid-dialogue, and goes on with it after the zone's module was swapped. Exits 0 when all of that
// came as PROTOCOL.md and the SDK's pages say, otherwise 1 with the reason.
//
//   node evening.js --new-york ws://127.0.0.1:7700/ws --los-angeles ws://127.0.0.1:7710/ws
//
// The world is zones/world.toml with `start = "nyc.docks"`, and `config = { wage = 20 }` for the docks: enough for a crowbar and for the
// way to Los Angeles (`--wage` says another). When this says `swap nyc.docks now`, do it, and answer with a line on its standard input.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from './client.js';
import { Walls } from './walls.js';

const STEP_MS = 100;
const PATIENCE_MS = 30_000;
/** How far each way of talking carries, m. */
const RANGES = { say: 10, emote: 20, shout: 60 };
/** Where the docks' corner lies on New York's plane, and what is where on their map. */
const CORNER = { x: 120, y: -120 };
const PLACES = { pile: [91, 37.5], scale: [104, 72], lisle: [89, 86], bea: [102, 47], road: [130, 57], sabine: [174, 75.5], doorway: [176, 72.5], reefer: [187, 72.5] };

/** One of the three: a client, what she carries, what she was last told of a trade and of her dialogue. */
class Guest {
  purse = new Map();
  trade;
  dialogue;
  done = [];
  #map;
  #walls;

  constructor(name, url, encoding) {
    this.client = new Client({ url, encoding, name, log: (line) => say(`${name}: ${line}`) });
    this.name = name;
    this.url = url;
    this.client.on('dialogue', (dialogue) => (this.dialogue = dialogue));
    this.client.on('event', ({ name, data }) => this.#told(name, data));
  }

  async enters() {
    this.client.connect();
    await this.until(() => this.client.zone && this.client.rosterIsFull, 'welcome, zone and roster');
    say(`${this.name} enters ${this.client.zone.zone}`);
  }

  /** Waits for a condition; time out, a connection lost for good and a refused command are errors. */
  async until(condition, what) {
    const ends = Date.now() + PATIENCE_MS;
    while (!condition()) {
      this.client.check();
      for (const { code, message } of this.client.rejects.values()) throw new Error(`${this.name} was refused: ${code}, ${message}`);
      if (Date.now() > ends) throw new Error(`${this.name} waited for ${what} for ${PATIENCE_MS / 1000} s`);
      await sleep(20);
    }
  }

  /** Walks to a place of the docks, round walls. */
  async walksTo([x, y]) {
    const to = [x + CORNER.x, y + CORNER.y];
    const { zone } = this.client;
    if (this.#map !== zone.map) [this.#map, this.#walls] = [zone.map, await Walls.of(this.url, zone)];
    for (const point of this.#walls.way([this.client.x, this.client.y], to)) await this.#walksStraightTo(point);
  }

  async #walksStraightTo([x, y]) {
    const { client } = this;
    const { zone } = client.zone;
    const { corrections } = client;
    while (Math.hypot(x - client.x, y - client.y) > 0.01 && client.zone.zone === zone) {
      client.check();
      if (client.corrections > corrections) throw new Error(`${this.name} was set back on her way to ${x}, ${y}`);
      const h = Math.atan2(y - client.y, x - client.x);
      const step = Math.min(Math.hypot(x - client.x, y - client.y), client.zone.speed * 0.9 * (STEP_MS / 1000));
      if (!client.paused) client.moveTo(client.x + Math.cos(h) * step, client.y + Math.sin(h) * step, h);
      await sleep(STEP_MS);
    }
  }

  /** Into a portal: walks on until another zone has her. */
  async walksInto([x, y]) {
    const { zone } = this.client.zone;
    await this.#walksStraightTo([x + CORNER.x, y + CORNER.y]);
    await this.until(() => this.client.zone.zone !== zone, 'the other side of the portal');
  }

  async sees(name) {
    const find = () => [...this.client.entities.values()].find((entity) => entity.name === name);
    await this.until(find, `${name} in sight`);
    return find();
  }

  /** Sends it, and waits for its ack. */
  async does(wish) {
    const seq = this.client.command(wish);
    await this.until(() => this.client.acked >= seq, `the ack of ${JSON.stringify(wish)}`);
  }

  async uses(name, verb, args) {
    const { id } = await this.sees(name);
    await this.does({ t: 'interact', target: id, verb, args });
  }

  async says(mode, text, to) {
    await this.does({ t: 'chat', mode, text, to });
  }

  heard(from, text) {
    return this.client.heard.some((line) => line.name === from && line.text === text);
  }

  /** Talks to somebody; what is said first. */
  async talksTo(name) {
    this.dialogue = undefined;
    await this.uses(name, 'talk');
    await this.until(() => this.dialogue, `${name}'s first words`);
  }

  /** Answers with the option of that text, and waits for words that begin so. */
  async answers(text, reply) {
    const { dialogue, options } = this.dialogue;
    const option = options.find((option) => option.text === text);
    if (!option) throw new Error(`${this.name} can't answer "${text}", but ${options.map(({ text }) => `"${text}"`)}`);
    await this.does({ t: 'choose', dialogue, option: option.id });
    await this.until(() => this.dialogue.text.startsWith(reply), `"${reply}"`);
  }

  carries(kind) {
    return [...this.purse.values()].filter((thing) => thing.kind === kind).reduce((sum, { count }) => sum + (count ?? 1), 0);
  }

  thing(kind) {
    return [...this.purse.values()].find((thing) => thing.kind === kind);
  }

  /** Carries a crate from the pile to the scale. */
  async earns(coins) {
    await this.walksTo(PLACES.pile);
    this.done.length = 0;
    await this.uses('Pile of crates', 'lift');
    await this.until(() => this.done.length > 0, 'a crate in her arms');
    if (this.done[0] !== 'done') throw new Error(`lifting ended: ${this.done[0]}`);
    await this.walksTo(PLACES.scale);
    const before = this.carries('coin');
    await this.uses('Scale', 'weigh');
    await this.until(() => this.carries('coin') === before + coins, `${coins} coins for a crate`);
  }

  #told(name, data) {
    switch (name) {
      case 'purse':
        if (data.page === 0) this.purse.clear();
        for (const thing of data.things) this.purse.set(thing.id, thing);
        break;
      case 'goods':
        for (const thing of data.set) this.purse.set(thing.id, thing);
        for (const id of data.gone) this.purse.delete(id);
        break;
      case 'trade':
        this.trade = data;
        break;
      case 'progress_over':
        this.done.push(data.how);
        break;
      default: // of no importance tonight
    }
  }
}

async function main() {
  const { values } = parseArgs({ options: { 'new-york': { type: 'string' }, 'los-angeles': { type: 'string' }, wage: { type: 'string', default: '20' } } });
  const [newYork, losAngeles] = [values['new-york'], values['los-angeles']];
  if (!newYork || !losAngeles) throw new Error('name both gateways: --new-york and --los-angeles');
  const coins = Number(values.wage);
  const ann = new Guest('Ann', newYork, 'json');
  const bob = new Guest('Bob', losAngeles, 'msgpack');
  const cleo = new Guest('Cleo', newYork, 'json');
  await Promise.all([ann.enters(), bob.enters(), cleo.enters()]);

  await meet(ann, bob);
  await talkAtEveryRange(ann, bob);
  await Promise.all([trade(ann, bob, coins), talkOverASwap(cleo)]);
  await whisperOverTheOcean(ann, bob);
  for (const guest of [ann, bob, cleo]) {
    guest.client.check();
    guest.client.bye();
  }
}

async function meet(ann, bob) {
  await Promise.all([ann.sees('Bob'), bob.sees('Ann')]);
  say('Ann and Bob see each other');
}

/** Bob goes away from her in steps; at each, Ann says something in every way. */
async function talkAtEveryRange(ann, bob) {
  const { x, y } = ann.client;
  const [cornerX, cornerY] = [x - CORNER.x, y - CORNER.y];
  const spots = [[cornerX + 3, cornerY - 2], [cornerX, cornerY - 15], [cornerX, cornerY - 30], PLACES.road];
  for (const spot of spots) {
    await bob.walksTo(spot);
    const away = Math.hypot(bob.client.x - ann.client.x, bob.client.y - ann.client.y);
    const text = (mode) => `a ${mode} over ${away.toFixed(0)} m`;
    for (const mode of Object.keys(RANGES)) await ann.says(mode, text(mode));
    await ann.says('whisper', text('whisper'), 'Bob');
    // Her lines keep their order, so by then he has heard the others, or never will.
    await bob.until(() => bob.heard('Ann', text('whisper')), text('whisper'));
    for (const [mode, range] of Object.entries(RANGES)) {
      const [heard, should] = [bob.heard('Ann', text(mode)), away < range];
      if (heard !== should) throw new Error(`Bob ${heard ? 'heard' : 'did not hear'} ${text(mode)}`);
    }
    say(`at ${away.toFixed(0)} m Bob hears ${Object.keys(RANGES).filter((mode) => away < RANGES[mode]).concat('whisper').join(', ')}`);
  }
}

/** Both work; Bob buys a crowbar, and Ann has it of him for coins. */
async function trade(ann, bob, coins) {
  await Promise.all([ann.earns(coins), bob.earns(coins)]);
  const [x, y] = PLACES.lisle;
  await Promise.all([ann.walksTo([x + 1, y]), bob.walksTo([x, y])]);
  await bob.talksTo('Mr. Lisle');
  await bob.answers('I need a crowbar.', 'For opening windows');
  await bob.until(() => bob.carries('crowbar') === 1, 'a crowbar');
  const rest = bob.carries('coin');

  await ann.uses('Bob', 'trade');
  await bob.until(() => bob.trade?.state === 'asked', 'a question');
  await bob.uses('Ann', 'trade');
  await ann.until(() => ann.trade?.state === 'open', 'an open trade');
  const price = 9;
  await ann.uses('Bob', 'trade', { do: 'offer', things: [{ id: ann.thing('coin').id, count: price }] });
  await bob.uses('Ann', 'trade', { do: 'offer', things: [{ id: bob.thing('crowbar').id }] });
  const isLaidOut = ({ trade }) => trade.yours?.things.length === 1 && trade.theirs?.things.length === 1;
  await Promise.all([ann, bob].map((guest) => guest.until(() => isLaidOut(guest), 'both offers')));
  await ann.uses('Bob', 'trade', { do: 'accept', turn: ann.trade.turn });
  await bob.uses('Ann', 'trade', { do: 'accept', turn: bob.trade.turn });
  await Promise.all([ann, bob].map((guest) => guest.until(() => guest.trade.state === 'done', 'the end of the trade')));
  const has = [ann, bob].map((guest) => `${guest.carries('coin')} coins, ${guest.carries('crowbar')} crowbars`);
  const should = [`${coins - price} coins, 1 crowbars`, `${rest + price} coins, 0 crowbars`];
  if (String(has) !== String(should)) throw new Error(`after the trade Ann and Bob have ${has}, not ${should}`);
  say(`traded: Ann has ${has[0]}, Bob ${has[1]}`);
}

/** In mid-dialogue she is cut off, the module is swapped, and she comes back. */
async function talkOverASwap(cleo) {
  await cleo.walksTo(PLACES.bea);
  await cleo.talksTo('Bea Tolliver');
  await cleo.answers('What is in container seventeen?', "A refrigerator that isn't cold");
  const { zone, session } = cleo.client;
  cleo.client.drop();
  say('Cleo is cut off in mid-dialogue');
  const lines = createInterface({ input: process.stdin });
  say(`swap ${zone.zone} now`);
  await once(lines, 'line');
  lines.close();
  cleo.client.connect();
  await cleo.until(() => cleo.client.zone.generation > zone.generation, 'the zone after the swap');
  if (cleo.client.session !== session) throw new Error('Cleo has another session');
  // Bea knows what she was asked before; the options are those of the dialogue that was open.
  await cleo.answers('What is in container seventeen?', 'You asked me that.');
  say(`Cleo goes on with it in generation ${cleo.client.zone.generation}`);
}

/** Bob goes to Los Angeles in a container. */
async function whisperOverTheOcean(ann, bob) {
  await bob.walksTo(PLACES.sabine);
  await bob.talksTo('Sabine');
  await bob.answers('I want to go.', '9, then, and a word for the paper.');
  await bob.walksTo(PLACES.doorway);
  await bob.answers('Oranges.', 'Oranges, to California.');
  await bob.walksInto(PLACES.reefer);
  say(`Bob is in ${bob.client.zone.zone}`);
  await ann.says('whisper', 'how is the weather there?', 'Bob');
  await bob.until(() => bob.heard('Ann', 'how is the weather there?'), "Ann's whisper");
  await bob.says('whisper', 'it has windows', 'Ann');
  await ann.until(() => ann.heard('Bob', 'it has windows'), "Bob's whisper");
  say('Ann and Bob whisper over the ocean');
}

function say(line) {
  console.log(line);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`failed: ${error.message}`);
    process.exit(1);
  },
);
