// A little world for looking at the page and testing clients without the real server: one zone, some who wander, an
// NPC who talks. It speaks the protocol's messages; `fake-server.js` puts them on sockets. For tests only.

export const BOUNDS = [100, 200, 172, 248];
export const SPEED = 6;
export const TICK_HZ = 20;
const RANGES = { say: 10, shout: 60, emote: 20 };
const GRACE_TICKS = 30 * TICK_HZ;

const room = (x, y, w, h) => [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];

export const MAP = {
  size: [72, 48],
  decor: [
    { kind: 'pavement', points: room(0, 0, 72, 48) },
    { kind: 'road', points: room(0, 17, 72, 8) },
    { kind: 'road', points: room(33, 0, 7, 48) },
    { kind: 'park', points: room(43, 28, 26, 18) },
    { kind: 'water', points: [[50, 34], [57, 32], [63, 35], [62, 41], [54, 42], [49, 39]] },
    { kind: 'floor', points: room(4, 28, 26, 17) },
    { kind: 'carpet', points: room(9, 33, 14, 7) },
  ],
  walls: [
    { points: [[16, 28], [30, 28], [30, 45], [4, 45], [4, 28], [12, 28]] },
    { points: [[22, 28], [22, 32]] },
    { points: room(6, 4, 10, 9), closed: true },
    { points: room(20, 3, 9, 10), closed: true },
    { points: [[45, 4], [56, 4], [59, 9], [56, 14], [45, 14]], closed: true },
    { points: [[64, 3], [64, 14]] },
    { points: room(25.5, 40.5, 2, 2), closed: true },
  ],
  barriers: [{ name: 'elysium-door', shape: { points: [[12, 28], [16, 28]] }, closed: false },
    { name: 'gate', shape: { points: [[64, 14], [72, 14]] }, closed: true }],
  places: [
    { name: 'elysium', at: [17, 37], radius: 6 },
    { name: 'the-crossing', at: [36.5, 21], radius: 5 },
    { name: 'patrol', at: [8, 21] },
  ],
  spawns: [[36, 21]],
  portals: [{ name: 'subway', at: [67, 21], radius: 1.6 }],
};

const TALK = {
  start: { text: 'Good evening, {name}. Elysium stands under the Prince’s peace.\nWhat brings you to my door?',
    options: [{ id: 'who', text: 'Who are you?' }, { id: 'peace', text: 'Whose peace?' }, { id: 'bye', text: 'Nothing. Good night.' }] },
  who: { text: 'I keep this house, and what is said in it. Call me Vesper.', options: [{ id: 'peace', text: 'And the Prince?' }, { id: 'bye', text: 'Good night, Vesper.' }] },
  peace: { text: 'No blood, no blades, no mortal eyes. Break it once, and you will not break it twice.', options: [{ id: 'bye', text: 'I will remember.' }] },
  bye: { text: 'The night is yours.', options: [] },
};

/** The whole world. `send(player, message)` is called for each message of a connected player. */
export class FakeWorld {
  #send;
  #tick = 0;
  #nextId = 10;
  #dialogues = 0;
  entities = new Map();
  players = new Map();
  corrections = 0;

  constructor(send) {
    this.#send = send;
    this.#npc('Vesper', 'npc', [114, 230], { title: 'Keeper of Elysium' }, [{ id: 'talk', label: 'Talk', reach: 4 }, { id: 'bow', label: 'Bow', reach: 8 }]);
    this.#npc('Osric', 'npc', [108, 221], { title: 'Sheriff' }, [{ id: 'talk', label: 'Talk', reach: 4 }], [[108, 221], [132, 221], [132, 219], [108, 219]]);
    this.#npc('Marguerite', 'npc', [145, 226], { title: 'Toreador' }, [{ id: 'talk', label: 'Talk', reach: 4 }], [[145, 226], [145, 245], [160, 245], [145, 245]]);
    this.#npc('Stray dog', 'npc', [137, 205], {}, [], [[137, 205], [137, 240], [135, 240], [135, 205]]);
    this.#npc('Old bench', 'object', [147, 231], {}, [{ id: 'sit', label: 'Sit down', reach: 3 }]);
    this.#npc('Ledger', 'object', [124, 238], {}, [{ id: 'read', label: 'Read', reach: 3 }]);
  }

  /** Admits somebody: a new guest, or the session that goes on. Answers the player, or a close code. */
  hello(message) {
    const { resume, name } = message;
    if (resume) {
      const player = this.players.get(resume.session);
      if (!player || player.token !== resume.token) return { code: 4104, reason: 'no such session' };
      player.unsent = player.unsent.filter(({ n }) => n > resume.n);
      player.token = crypto.randomUUID();
      player.goneAt = undefined;
      delete player.tags.away;
      this.#broadcast(player, Infinity, { t: 'tags', id: player.id, tags: player.tags }, false);
      return { player, reason: 'resumed' };
    }
    if (typeof name !== 'string' || [...name].length < 2 || [...name].length > 24) return { code: 4001, reason: 'that is no name' };
    if ([...this.players.values()].some((player) => player.name === name)) return { code: 4001, reason: `${name} is here already` };
    const id = this.#nextId++;
    const player = {
      id, kind: 'player', name, x: 136 + (id % 3), y: 221 + (id % 2), h: 0, tags: {}, verbs: [], ghost: false,
      session: crypto.randomUUID(), token: crypto.randomUUID(), seq: 0, n: 0, c: 0, unsent: [], dialogue: undefined, goneAt: undefined,
    };
    this.players.set(player.session, player);
    this.entities.set(id, player);
    this.#broadcast(player, Infinity, { t: 'roster', enter: [entry(player)], leave: [] }, false);
    return { player, reason: 'entered' };
  }

  /** What a new connection of this player hears first. */
  greet(player, reason) {
    const { session, token, id: you, name, seq, x, y, h, c } = player;
    this.#send(player, { t: 'welcome', session, token, you, name, seq });
    this.#send(player, {
      t: 'zone', zone: 'nyc.elysium', region: 'new-york', bounds: BOUNDS, x, y, h, c, speed: SPEED, tick_hz: TICK_HZ,
      tick: this.#tick, game_ms: this.#tick * 50, map: 'fake', barriers: ['gate'], module: 'elysium', version: '1.0.0', generation: 1, reason,
    });
    const enter = [...this.entities.values()].filter((entity) => entity !== player).map(entry);
    this.#send(player, { t: 'roster', enter, leave: [], full: true });
    for (const message of player.unsent) this.#send(player, message);
  }

  /** A message of somebody admitted. */
  handle(player, message) {
    switch (message.t) {
      case 'move':
        return this.#move(player, message);
      case 'ack':
        player.unsent = player.unsent.filter(({ n }) => n > message.n);
        return undefined;
      case 'ping':
        return this.#send(player, { t: 'pong', c: message.c, tick: this.#tick });
      case 'bye':
        return this.remove(player);
      default:
        return this.#command(player, message);
    }
  }

  /** The connection is lost; the avatar stays for a while. */
  lost(player) {
    player.goneAt = this.#tick;
    player.tags.away = true;
    this.#broadcast(player, Infinity, { t: 'tags', id: player.id, tags: player.tags }, false);
  }

  remove(player) {
    this.players.delete(player.session);
    this.entities.delete(player.id);
    this.#broadcast(player, Infinity, { t: 'roster', enter: [], leave: [player.id] }, false);
  }

  everybody(message) {
    for (const player of this.players.values()) this.#send(player, message);
  }

  /** One tick: those with a way walk on, everybody hears who moved. */
  step() {
    this.#tick += 1;
    for (const entity of this.entities.values()) if (entity.way) walk(entity);
    const moved = [...this.entities.values()].filter((entity) => entity.x !== entity.toldX || entity.y !== entity.toldY || entity.h !== entity.toldH);
    for (const player of [...this.players.values()]) {
      if (player.goneAt !== undefined && this.#tick - player.goneAt > GRACE_TICKS) this.remove(player);
      const e = moved.filter((entity) => entity !== player).map(({ id, x, y, h }) => [id, x, y, h]);
      if (e.length > 0) this.#send(player, { t: 'update', tick: this.#tick, e });
    }
    for (const entity of moved) Object.assign(entity, { toldX: entity.x, toldY: entity.y, toldH: entity.h });
  }

  #move(player, { m, c, x, y, h = player.h }) {
    if (c < player.c) return;
    const why = !inside(x, y) ? 'bounds' : blocked(player, { x, y }) ? 'wall' : undefined;
    if (why === undefined) {
      Object.assign(player, { x, y, h });
      return;
    }
    this.corrections += 1;
    player.c += 1;
    this.#send(player, { t: 'correct', c: player.c, m, x: player.x, y: player.y, why });
  }

  #command(player, command) {
    if (command.seq <= player.seq) return;
    player.seq = command.seq;
    if (command.t === 'chat') this.#chat(player, command);
    else if (command.t === 'interact') this.#interact(player, command);
    else if (command.t === 'choose') this.#choose(player, command);
    this.#send(player, { t: 'ack', seq: player.seq });
  }

  #chat(player, { seq, mode, text, to }) {
    const line = { t: 'chat', from: player.id, name: player.name, mode, text };
    if ([...text].length > 500) return this.#reject(player, seq, 'too_long', 'at most 500 characters');
    if (mode !== 'whisper') return this.#broadcast(player, RANGES[mode], line, true);
    const other = [...this.players.values()].find(({ name }) => name === to);
    return other ? this.#reliable(other, line) : this.#reject(player, seq, 'no_such_player', `nobody is called ${to}`);
  }

  #interact(player, { seq, target, verb }) {
    const entity = this.entities.get(target);
    const known = entity?.verbs.find(({ id }) => id === verb);
    if (!entity) return this.#reject(player, seq, 'no_such_target', 'it is gone');
    if (!known) return this.#reject(player, seq, 'no_such_verb', 'it cannot do that');
    if (distance(player, entity) > known.reach) return this.#reject(player, seq, 'too_far', 'come nearer');
    if (verb === 'talk') return this.#say(player, (player.dialogue = ++this.#dialogues), entity, 'start');
    return this.#broadcast(player, RANGES.emote, { t: 'chat', from: player.id, name: player.name, mode: 'emote', text: `${verb}s: ${entity.name}.` }, true);
  }

  #choose(player, { seq, dialogue, option }) {
    if (dialogue !== player.dialogue) return this.#reject(player, seq, 'no_such_dialogue', 'that talk is over');
    if (option === undefined) return (player.dialogue = undefined);
    const npc = [...this.entities.values()].find(({ verbs }) => verbs.some(({ id }) => id === 'talk'));
    this.#say(player, dialogue, npc, option);
    return undefined;
  }

  #say(player, dialogue, npc, node) {
    const { text, options } = TALK[node] ?? TALK.bye;
    this.#reliable(player, { t: 'dialogue', dialogue, npc: npc.id, text: text.replace('{name}', player.name), options });
  }

  #reject(player, seq, code, message) {
    this.#reliable(player, { t: 'reject', seq, code, message });
  }

  #reliable(player, message) {
    player.n += 1;
    const numbered = { ...message, n: player.n };
    player.unsent.push(numbered);
    this.#send(player, numbered);
  }

  #broadcast(from, range, message, reliable) {
    for (const player of this.players.values()) {
      if (distance(from, player) > range) continue;
      if (reliable) this.#reliable(player, message);
      else if (player !== from) this.#send(player, message);
    }
  }

  /** An NPC's line, for pictures. */
  npcSays(name, mode, text) {
    const npc = [...this.entities.values()].find((entity) => entity.name === name);
    if (npc) this.#broadcast(npc, RANGES.shout, { t: 'chat', from: npc.id, name, mode, text }, true);
  }

  #npc(name, kind, [x, y], tags, verbs, way) {
    const id = this.#nextId++;
    this.entities.set(id, { id, kind, name, x, y, h: -Math.PI / 2, tags, verbs, ghost: false, way, leg: 0 });
  }
}

function entry({ id, kind, name, x, y, h, tags, verbs, ghost }) {
  return { id, kind, name, x, y, h, tags, verbs, ghost };
}

function walk(entity) {
  const [x, y] = entity.way[entity.leg];
  const left = Math.hypot(x - entity.x, y - entity.y);
  const step = Math.min(left, 1.6 / TICK_HZ);
  if (left < 0.01) {
    entity.leg = (entity.leg + 1) % entity.way.length;
    return;
  }
  entity.h = Math.atan2(y - entity.y, x - entity.x);
  entity.x += ((x - entity.x) / left) * step;
  entity.y += ((y - entity.y) / left) * step;
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function inside(x, y) {
  return x >= BOUNDS[0] && x < BOUNDS[2] && y >= BOUNDS[1] && y < BOUNDS[3];
}

function blocked(a, b) {
  const shapes = [...MAP.walls, ...MAP.barriers.filter(({ closed }) => closed).map(({ shape }) => shape)];
  const p = { x: a.x - BOUNDS[0], y: a.y - BOUNDS[1] };
  const q = { x: b.x - BOUNDS[0], y: b.y - BOUNDS[1] };
  return shapes.some(({ points, closed }) => points.some((from, index) => {
    const to = points[index + 1] ?? (closed ? points[0] : undefined);
    return to !== undefined && cross(p, q, from, to);
  }));
}

function cross(p, q, [ax, ay], [bx, by]) {
  const side = (ux, uy, vx, vy, wx, wy) => Math.sign((vx - ux) * (wy - uy) - (vy - uy) * (wx - ux));
  return side(ax, ay, bx, by, p.x, p.y) * side(ax, ay, bx, by, q.x, q.y) <= 0
    && side(p.x, p.y, q.x, q.y, ax, ay) * side(p.x, p.y, q.x, q.y, bx, by) <= 0
    && (p.x !== q.x || p.y !== q.y);
}
