// One frame: the ground, those on it, the night around them.

import type { EntityId } from '../protocol/messages.ts';
import type { ZoneMap } from '../world/map.ts';
import type { Entity, World } from '../world/model.ts';
import type { Pose } from '../world/timeline.ts';
import { Camera } from './camera.ts';
import { bodyRadius, drawBody, drawBubbles } from './figures.ts';
import type { Figure } from './figures.ts';
import { Ground } from './ground.ts';
import { drawLabels } from './labels.ts';
import { bodyColour, COLOURS } from './theme.ts';

/** Sharper than this no eye sees, and phones have it. */
const MAX_RATIO = 2.5;
/** A finger is wider than a body: clicks this near count, pixels. */
const GRAB_PX = 12;
const PULSE_MS = 2_400;

export class Renderer {
  readonly camera = new Camera();
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #figures = new Map<EntityId, Figure>();
  readonly #pose: Pose = { x: 0, y: 0, h: 0 };
  #ground: Ground | undefined;
  #night: CanvasGradient | undefined;
  #width = 1;
  #height = 1;
  #ratio = 1;
  #drawnAt = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('this browser cannot draw on a canvas');
    this.#context = context;
    this.#resize();
    // Both a changed window and a changed zoom of the browser arrive here.
    addEventListener('resize', () => this.#resize());
  }

  /** The zone's map, once it is here; none: an unknown ground. */
  setMap(map: ZoneMap | undefined, origin: readonly [number, number]): void {
    this.#ground = map && new Ground(map, origin);
  }

  /** Draws the world as it is at `now`. `target`: where a click-walk leads; `marked`: who is pointed at. */
  draw(world: World, target: Readonly<{ x: number; y: number }> | undefined, marked: EntityId | undefined, now: number): void {
    const context = this.#context;
    const { camera } = this;
    const pulse = this.#still.matches ? 0.5 : (now % PULSE_MS) / PULSE_MS;
    camera.follow(world.own.x, world.own.y, now - this.#drawnAt);
    this.#drawnAt = now;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    context.fillStyle = COLOURS.beyond;
    context.fillRect(0, 0, this.#width, this.#height);
    if (!world.zone) return;
    this.#ground?.draw(context, camera, world.closedBarriers, this.#ratio, pulse);
    if (target) this.#drawTarget(target, pulse);
    this.#place(world, marked, now);
    // Who stands further south stands in front.
    const order = [...this.#figures.values()].sort((a, b) => a.py - b.py);
    for (const figure of order) drawBody(context, figure, camera.scale);
    this.#drawNight(world);
    // Who is pointed at, then the player, then those near her choose the places of their names first.
    const weight = (figure: Figure): number =>
      figure.marked ? -2 : figure.own ? -1 : Math.hypot(figure.px - this.#width / 2, figure.py - this.#height / 2);
    const taken = drawLabels(context, order.sort((a, b) => weight(a) - weight(b)), camera.scale);
    const spoken = [...world.bubbles].flatMap(([id, bubble]) => {
      const figure = this.#figures.get(id);
      return figure ? [[figure, bubble] as const] : [];
    });
    drawBubbles(context, spoken, camera.scale, this.#width, now, taken);
  }

  /** Who is drawn at this point of the page, the nearest if several. */
  at(px: number, py: number): EntityId | undefined {
    const reach = bodyRadius(this.camera.scale) + GRAB_PX;
    let found: EntityId | undefined;
    let nearest = reach;
    for (const [id, figure] of this.#figures) {
      const distance = Math.hypot(figure.px - px, figure.py - py);
      if (!figure.own && distance < nearest) {
        nearest = distance;
        found = id;
      }
    }
    return found;
  }

  /** Where somebody is drawn, in the page's pixels. */
  screenOf(id: EntityId): [number, number] | undefined {
    const figure = this.#figures.get(id);
    return figure && [figure.px, figure.py];
  }

  /** Brings the figures up to the moment: a figure is kept as long as its entity. */
  #place(world: World, marked: EntityId | undefined, now: number): void {
    const gameMs = world.clock.gameMs(now);
    for (const id of this.#figures.keys()) {
      if (id !== world.you && !world.entities.has(id)) this.#figures.delete(id);
    }
    for (const entity of world.entities.values()) {
      const figure = this.#figure(entity);
      const pose = entity.track.pose(gameMs, this.#pose);
      [figure.px, figure.py] = this.camera.toScreen(pose.x, pose.y);
      figure.h = pose.h;
      figure.name = entity.name;
      figure.title = typeof entity.tags['title'] === 'string' ? entity.tags['title'] : '';
      figure.away = Boolean(entity.tags['away']);
      figure.marked = entity.id === marked;
    }
    const own = this.#figure({ id: world.you, kind: 'player', ghost: false });
    [own.px, own.py] = this.camera.toScreen(world.own.x, world.own.y);
    own.h = world.own.h;
    own.name = world.name;
    own.own = true;
    own.colour = COLOURS.own;
  }

  #figure(entity: Pick<Entity, 'id' | 'kind' | 'ghost'>): Figure {
    const known = this.#figures.get(entity.id);
    if (known && known.kind === entity.kind && known.ghost === entity.ghost) return known;
    const { kind, ghost } = entity;
    const figure: Figure = {
      id: entity.id, px: 0, py: 0, h: 0, kind, ghost, name: '', title: '', colour: bodyColour(entity),
      own: false, away: false, marked: false, side: 'below',
    };
    this.#figures.set(entity.id, figure);
    return figure;
  }

  #drawTarget(target: Readonly<{ x: number; y: number }>, pulse: number): void {
    const context = this.#context;
    const [px, py] = this.camera.toScreen(target.x, target.y);
    context.strokeStyle = COLOURS.target;
    context.lineWidth = 2;
    context.globalAlpha = 0.85;
    context.beginPath();
    context.arc(px, py, 5, 0, 2 * Math.PI);
    context.stroke();
    context.globalAlpha = 1 - pulse;
    context.beginPath();
    context.arc(px, py, 5 + 10 * pulse, 0, 2 * Math.PI);
    context.stroke();
    context.globalAlpha = 1;
  }

  #drawNight(world: World): void {
    const context = this.#context;
    const [px, py] = this.camera.toScreen(world.own.x, world.own.y);
    const reach = Math.hypot(this.#width, this.#height) / 2;
    this.#night ??= nightAround(context, reach);
    context.save();
    context.translate(px, py);
    context.fillStyle = this.#night;
    context.fillRect(-px, -py, this.#width, this.#height);
    context.restore();
    if (world.paused) {
      context.fillStyle = 'rgb(8 8 14 / 35%)';
      context.fillRect(0, 0, this.#width, this.#height);
    }
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#width = Math.max(1, clientWidth);
    this.#height = Math.max(1, clientHeight);
    this.#ratio = Math.min(MAX_RATIO, devicePixelRatio || 1);
    this.#canvas.width = Math.round(this.#width * this.#ratio);
    this.#canvas.height = Math.round(this.#height * this.#ratio);
    this.#night = undefined;
    this.camera.resize({ width: this.#width, height: this.#height });
  }
}

/** A warm light around the player that fades into the dark, centred on the origin. */
function nightAround(context: CanvasRenderingContext2D, reach: number): CanvasGradient {
  const night = context.createRadialGradient(0, 0, 0, 0, 0, reach);
  night.addColorStop(0, 'rgb(255 206 148 / 15%)');
  night.addColorStop(0.3, 'rgb(255 206 148 / 4%)');
  night.addColorStop(0.5, 'rgb(4 4 10 / 3%)');
  night.addColorStop(1, 'rgb(4 4 10 / 46%)');
  return night;
}
