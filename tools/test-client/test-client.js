// An example of a client, written from PROTOCOL.md alone: it enters as a guest, meets somebody, walks to her, talks,
// and says what it saw. Exits 0 when all of that worked, otherwise 1 with the reason; 2 for wrong usage.
//
//   node test-client.js --url ws://127.0.0.1:7700/ws --name Ann [--meet Bob] [--encoding json|msgpack] [--resume-test]
//
// Start two of them to have them meet each other.

import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.js';

/** Near enough to talk, metres; `say` carries 10. */
const TALKING_DISTANCE = 1.5;
const SAY_RANGE = 10;
const STEP_MS = 100;
/** Time for each part of the meeting, ms. */
const PATIENCE = { enter: 10_000, meet: 60_000, walk: 60_000, hear: 45_000, ack: 10_000, linger: 3_000 };

async function main() {
  const options = readOptions();
  const client = new Client({ url: options.url, encoding: options.encoding, name: options.name, log });
  client.on('chat', ({ name, mode, text }) => log(`heard   ${name} (${mode}): ${text}`));
  client.on('reject', ({ seq, code, message }) => log(`refused command ${seq}: ${code}, ${message}`));
  client.on('paused', ({ reason }) => log(`paused  ${reason}`));
  client.on('resumed', ({ reason }) => log(`resumed ${reason}`));

  client.connect();
  await until(() => client.zone && client.rosterIsFull, PATIENCE.enter, 'the server did not send welcome, zone and roster', client);
  log(`entered ${client.zone.zone} as ${client.name} (${client.you}), ${options.encoding}`);

  const other = await meet(client, options.meet);
  await walkTo(client, other);
  await talk(client, other);
  if (options['resume-test']) await dropAndResume(client);
  await sleep(PATIENCE.linger); // the other one may still want to tell us something
  client.bye();
  log(`done    ${client.heard.length} lines heard, ${client.updates} updates, ${client.corrections} corrections`);
}

function readOptions() {
  const usage = 'usage: node test-client.js [--url ws://HOST:PORT/ws] --name NAME [--meet NAME] [--encoding json|msgpack] [--resume-test]';
  try {
    const { values } = parseArgs({
      options: {
        url: { type: 'string', default: 'ws://127.0.0.1:7700/ws' },
        name: { type: 'string' },
        meet: { type: 'string' },
        encoding: { type: 'string', default: 'json' },
        'resume-test': { type: 'boolean', default: false },
      },
    });
    if (!values.name) throw new Error('--name is missing');
    if (!['json', 'msgpack'].includes(values.encoding)) throw new Error('--encoding is json or msgpack');
    return values;
  } catch (error) {
    console.error(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

/** Waits until another player is in sight: the one with this name, or the first. */
async function meet(client, name) {
  const find = () => [...client.entities.values()].find((entity) => entity.kind === 'player' && (!name || entity.name === name));
  await until(find, PATIENCE.meet, `${name ?? 'another player'} did not come in sight`, client);
  const other = find();
  log(`see     ${other.name} (${other.id}), ${distance(client, other).toFixed(1)} m away`);
  return other;
}

/** Walks straight up to somebody; a wall in the way makes it try round the side. */
async function walkTo(client, other) {
  const { corrections } = client;
  const ends = Date.now() + PATIENCE.walk;
  let refused = corrections;
  let detour = 0;
  let side = 1;
  let nearest = Infinity;
  const position = () => client.entities.get(other.id) ?? other;
  while (distance(client, position()) > TALKING_DISTANCE && Date.now() < ends) {
    client.check();
    const { x, y } = position();
    if (client.corrections > refused) {
      refused = client.corrections;
      detour = 12;
      side = -side;
    }
    const straight = Math.atan2(y - client.y, x - client.x);
    const h = detour > 0 ? straight + side * (Math.PI / 2) : straight;
    detour = Math.max(0, detour - 1);
    const left = distance(client, { x, y });
    const step = Math.min(left, client.zone.speed * 0.95 * (STEP_MS / 1000));
    if (!client.paused) client.moveTo(client.x + Math.cos(h) * step, client.y + Math.sin(h) * step, h);
    nearest = Math.min(nearest, left);
    await sleep(STEP_MS);
  }
  const left = distance(client, position());
  if (left > SAY_RANGE) throw new Error(`could not walk to ${other.name}: ${left.toFixed(1)} m left, ${nearest.toFixed(1)} m at the nearest`);
  log(`walked  to ${other.name}, ${left.toFixed(1)} m away, ${client.corrections - corrections} corrections`);
}

/** Uses every way of talking, and waits to hear the other one. */
async function talk(client, other) {
  const said = [
    client.command({ t: 'chat', mode: 'say', text: `Good evening, ${other.name}.` }),
    client.command({ t: 'chat', mode: 'emote', text: 'bows.' }),
    client.command({ t: 'chat', mode: 'shout', text: `${client.name} was here!` }),
    client.command({ t: 'chat', mode: 'whisper', to: other.name, text: 'between you and me…' }),
  ];
  await acked(client, said.at(-1));
  for (const seq of said) {
    const refused = client.rejects.get(seq);
    if (refused) throw new Error(`command ${seq} was refused: ${refused.code}, ${refused.message}`);
  }
  log(`said    a line, an emote, a shout and a whisper, all acked`);
  await until(() => client.heard.some(({ from }) => from !== client.you), PATIENCE.hear, `did not hear anybody, ${other.name} neither`, client);
  const own = () => client.heard.filter(({ from, mode }) => from === client.you && mode !== 'whisper').length;
  await until(() => own() >= 3, PATIENCE.hear, 'did not hear the own three lines', client);
  if (own() > 3) throw new Error(`heard ${own()} own lines after saying 3`);
}

/** Drops the socket in the middle of things and goes on: nothing may be lost, nothing may happen twice. */
async function dropAndResume(client) {
  const before = { session: client.session, you: client.you };
  const texts = ['as I was saying,', 'before I was so rudely cut off,', 'good night.'];
  client.command({ t: 'chat', mode: 'say', text: texts[0] });
  client.drop();
  client.command({ t: 'chat', mode: 'say', text: texts[1] });
  const last = client.command({ t: 'chat', mode: 'say', text: texts[2] });
  log('dropped the socket with 3 lines under way');
  client.connect();
  await acked(client, last);
  const ownLines = () => client.heard.filter(({ from, text }) => from === client.you && texts.includes(text)).map(({ text }) => text);
  await until(() => ownLines().length >= texts.length, PATIENCE.ack, 'own lines were lost over the resume', client);
  if (client.session !== before.session || client.you !== before.you) throw new Error('the resume gave another session or avatar');
  if (ownLines().join('|') !== texts.join('|')) throw new Error(`lines doubled or out of order: ${ownLines().join(' | ')}`);
  log(`resumed the session at n = ${client.n}: nothing lost, nothing twice`);
}

async function acked(client, seq) {
  await until(() => client.acked >= seq, PATIENCE.ack, `command ${seq} was not acked`, client);
}

/** Waits for a condition; time out and a connection lost for good are errors. */
async function until(condition, patience, otherwise, client) {
  const ends = Date.now() + patience;
  while (!condition()) {
    client.check();
    if (Date.now() > ends) throw new Error(`${otherwise} within ${patience / 1000} s`);
    await sleep(20);
  }
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function log(line) {
  console.log(line);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`failed: ${error.message}`);
    process.exit(1);
  },
);
