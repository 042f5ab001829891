// Joins the parts: what the server says goes into the world and onto the page, what the player does becomes wishes and
// claims. Every rule lives in one of the parts.

import { Connection } from './protocol/connection.ts';
import type { SessionStore } from './protocol/connection.ts';
import type { Credentials, EntityId, ServerMsg, Wish } from './protocol/messages.ts';
import type { SavedSession, Status } from './protocol/session.ts';
import { WallIndex } from './movement/collision.ts';
import { Walker } from './movement/walker.ts';
import { Renderer } from './render/renderer.ts';
import { Chat } from './ui/chat.ts';
import { Dealings } from './ui/dealings.ts';
import { DialoguePanel } from './ui/dialogue.ts';
import { byId } from './ui/dom.ts';
import { Hud } from './ui/hud.ts';
import { listenToKeyboard } from './ui/keyboard.ts';
import { Menu } from './ui/menu.ts';
import { Nearby } from './ui/nearby.ts';
import { MapStore, segmentsOf } from './world/map.ts';
import { World } from './world/model.ts';
import type { Entity, Happening } from './world/model.ts';

/** How often lists and distances on the page are brought up to date, ms. */
const REFRESH_MS = 300;
/** Wait before a map that could not be fetched is asked for again, ms. */
const MAP_RETRY_MS = 2_000;
/** Zoom of one notch of the wheel. */
const WHEEL_ZOOM = 1.0015;

export class Game {
  readonly #world = new World();
  readonly #canvas = byId<HTMLCanvasElement>('scene');
  readonly #renderer = new Renderer(this.#canvas);
  readonly #maps = new MapStore('');
  readonly #connection: Connection;
  readonly #walker = new Walker((c, x, y, h) => this.#connection.move(c, x, y, h));
  readonly #hud = new Hud(() => this.#connection.leave());
  readonly #chat = new Chat({
    wish: (wish) => this.#connection.command(wish),
    names: () => [...this.#world.entities.values()].filter(({ kind }) => kind === 'player').map(({ name }) => name),
    left: () => this.#canvas.focus(),
  });
  readonly #menu = new Menu({
    interact: (entity, verb) => this.#dealings.use(entity, verb),
    whisper: (name) => this.#chat.whisper(name),
    distance: (entity) => this.#distance(entity),
    closed: () => this.#canvas.focus(),
  });
  readonly #dialogue = new DialoguePanel({
    choose: (dialogue, option) => this.#choose(dialogue, option),
    closed: () => this.#canvas.focus(),
  });
  readonly #dealings = new Dealings(this.#world, {
    wish: (wish) => this.#wish(wish),
    notice: (text) => this.#chat.notice(text),
    left: () => this.#canvas.focus(),
  });
  readonly #nearby = new Nearby((id, button) => {
    const { left, bottom } = button.getBoundingClientRect();
    this.#openMenu(id, left, bottom);
  });
  readonly #ended: (why: string) => void;
  #playing = false;
  #online = false;
  #region = '';
  /** A finger or button is held on the ground: the way follows it. */
  #leading = false;
  #pointed: EntityId | undefined;
  #refreshedAt = 0;

  /** `ended`: the player is outside again; the reason is for her to read, or empty if she left. */
  constructor(store: SessionStore, ended: (why: string) => void) {
    this.#ended = ended;
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
    this.#connection = new Connection(url, {
      message: (message) => this.#received(message),
      status: (status) => this.#status(status),
      lost: (commands) => this.#chat.notice(`The server may not have got your last ${commands.length > 1 ? `${commands.length} actions` : 'action'}.`),
    }, store);
    this.#listen();
    requestAnimationFrame((now) => this.#frame(now));
  }

  /** Enters the world, or goes on with a saved session. */
  enter(who: Credentials, saved?: SavedSession): void {
    this.#playing = true;
    this.#chat.clear();
    this.#showPanels(true);
    this.#canvas.focus();
    this.#connection.login(who, saved);
  }

  #received(message: ServerMsg): void {
    for (const happening of this.#world.apply(message, performance.now())) this.#show(happening);
  }

  #show(happening: Happening): void {
    const world = this.#world;
    switch (happening.is) {
      case 'zone':
        this.#walker.enter(happening.zone, happening.moved);
        // A neighbour's ground may stay until ours is here; another region's would lie in the wrong place.
        if (happening.zone.region !== this.#region) this.#renderer.setMap(undefined, [0, 0]);
        this.#region = happening.zone.region;
        Object.assign(world.own, this.#walker.pose);
        this.#hud.zone(happening.zone);
        void this.#loadMap(happening.zone.map);
        break;
      case 'placed':
        this.#walker.placed(happening.c, happening.x, happening.y);
        break;
      case 'chat':
        // Our own whispers are in the log since we typed them, with the name of her they are for.
        if (happening.own && happening.mode === 'whisper') break;
        this.#chat.spoken(happening.name, happening.mode, happening.text, happening.own);
        break;
      case 'history':
        this.#chat.remember(happening.lines, world.you);
        break;
      case 'notice':
        this.#chat.notice(happening.text);
        break;
      case 'rejected':
        this.#chat.notice(happening.text);
        this.#dialogue.refused();
        this.#dealings.refused();
        this.#showDialogue();
        break;
      case 'dialogue':
        this.#showDialogue();
        break;
      case 'deed':
        this.#chat.spoken(happening.name, 'emote', happening.text, happening.from === world.you);
        break;
      case 'purse':
      case 'trade':
      case 'container':
      case 'board':
      case 'progress':
        this.#dealings.show(happening);
        break;
      case 'pause':
        this.#hud.paused(world.paused);
        break;
      case 'barriers':
        // The wall index asks the world at every step.
        break;
    }
  }

  #status(status: Status): void {
    this.#hud.status(status);
    this.#online = status.is === 'playing';
    if (status.is !== 'stopped' && status.is !== 'offline') return;
    this.#playing = false;
    this.#walker.stop();
    this.#menu.close();
    this.#dialogue.show(undefined, '');
    this.#world.clear();
    this.#dealings.clear();
    this.#renderer.setMap(undefined, [0, 0]);
    this.#hud.paused(undefined);
    this.#showPanels(false);
    this.#ended(status.is === 'stopped' ? status.why : '');
  }

  /** Fetches the zone's map until it is here or another zone's is wanted. */
  async #loadMap(digest: string): Promise<void> {
    const wanted = (): boolean => this.#world.zone?.map === digest;
    while (wanted()) {
      try {
        const map = await this.#maps.load(digest);
        const zone = this.#world.zone;
        if (!zone || !wanted()) return;
        const closed = this.#world.closedBarriers;
        this.#walker.setWalls(new WallIndex(segmentsOf(map), map.size[0], (barrier) => !closed.has(barrier)));
        this.#renderer.setMap(map, [zone.bounds[0], zone.bounds[1]]);
        return;
      } catch (error) {
        console.error(error);
        await new Promise((resolve) => setTimeout(resolve, MAP_RETRY_MS));
      }
    }
  }

  #frame(now: number): void {
    requestAnimationFrame((next) => this.#frame(next));
    const world = this.#world;
    if (this.#playing) {
      // Without a connection nobody would hear of a step, and the resume would take it back.
      this.#walker.step(now, this.#online && !world.paused ? world.dilation : 0);
      Object.assign(world.own, this.#walker.pose);
      world.expire(now);
      if (now - this.#refreshedAt > REFRESH_MS) this.#refresh(now);
    }
    this.#renderer.draw(world, this.#walker.target, this.#pointed ?? this.#menu.entity?.id, now);
  }

  #refresh(now: number): void {
    this.#refreshedAt = now;
    const shown = this.#menu.entity;
    this.#menu.refresh(shown !== undefined && !this.#world.entities.has(shown.id));
    this.#nearby.refresh(this.#world.entities, (entity) => this.#distance(entity));
    this.#hud.pace(this.#world.dilation);
  }

  #listen(): void {
    listenToKeyboard({
      steer: (x, y) => this.#walker.steer(x, y),
      press: (key) => this.#playing && this.#pressed(key),
    });
    const canvas = this.#canvas;
    canvas.addEventListener('pointerdown', (event) => {
      if (!this.#playing || event.button !== 0) return;
      const id = this.#renderer.at(event.clientX, event.clientY);
      if (id !== undefined) {
        // The menu takes the focus, which the click would give to the canvas afterwards.
        event.preventDefault();
        this.#openMenu(id, event.clientX, event.clientY);
        return;
      }
      canvas.focus();
      canvas.setPointerCapture(event.pointerId);
      this.#leading = true;
      this.#walkTowards(event);
    });
    canvas.addEventListener('pointerup', () => { this.#leading = false; });
    canvas.addEventListener('pointercancel', () => { this.#leading = false; });
    canvas.addEventListener('pointermove', (event) => {
      if (this.#leading) {
        this.#walkTowards(event);
        return;
      }
      this.#pointed = this.#playing ? this.#renderer.at(event.clientX, event.clientY) : undefined;
      canvas.classList.toggle('over-entity', this.#pointed !== undefined);
    });
    canvas.addEventListener('pointerleave', () => { this.#pointed = undefined; });
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.#renderer.camera.zoomBy(WHEEL_ZOOM ** -event.deltaY);
    }, { passive: false });
    addEventListener('pagehide', () => this.#connection.save());
  }

  #walkTowards(event: PointerEvent): void {
    this.#walker.walkTo(...this.#renderer.camera.toWorld(event.clientX, event.clientY), performance.now());
  }

  #pressed(key: string): boolean {
    if (this.#dialogue.key(key) || this.#dealings.key(key)) return true;
    switch (key) {
      case 'Enter':
      case '/':
        this.#chat.focus();
        // The slash itself is typed into the line.
        return key === 'Enter';
      case 'e':
      case 'E':
        return this.#openNearest();
      case '+':
        this.#renderer.camera.zoomBy(1.2);
        return true;
      case '-':
        this.#renderer.camera.zoomBy(1 / 1.2);
        return true;
      case 'Escape':
        this.#walker.stop();
        this.#menu.close();
        this.#canvas.focus();
        return true;
      default:
        return false;
    }
  }

  #openNearest(): boolean {
    const able = [...this.#world.entities.values()].filter(({ kind, verbs }) => verbs.length > 0 || kind === 'player');
    const nearest = able.sort((a, b) => this.#distance(a) - this.#distance(b))[0];
    const at = nearest && this.#renderer.screenOf(nearest.id);
    if (!at) return false;
    this.#openMenu(nearest.id, ...at);
    return true;
  }

  #openMenu(id: EntityId, x: number, y: number): void {
    const entity = this.#world.entities.get(id);
    if (entity) this.#menu.show(entity, x, y);
  }

  #choose(dialogue: number, option: string | undefined): void {
    const over = this.#world.dialogues.get(dialogue)?.options.length === 0;
    if (!over) this.#wish(option === undefined ? { t: 'choose', dialogue } : { t: 'choose', dialogue, option });
    if (option !== undefined) return;
    this.#world.dialogues.delete(dialogue);
    this.#showDialogue();
  }

  #showDialogue(): void {
    const latest = [...this.#world.dialogues.values()].at(-1);
    this.#dialogue.show(latest, latest ? (this.#world.entities.get(latest.npc)?.name ?? 'A voice') : '');
  }

  #wish(wish: Wish): void {
    if (!this.#connection.command(wish)) this.#chat.notice('The server has not caught up yet. Try again in a moment.');
  }

  #distance(entity: Entity): number {
    const { x, y } = entity.track.latest;
    return Math.hypot(x - this.#world.own.x, y - this.#world.own.y);
  }

  #showPanels(visible: boolean): void {
    this.#hud.show(visible);
    this.#chat.show(visible);
    this.#nearby.show(visible);
  }
}
