// A zone's map on the canvas. What stands still is painted once, a little further than the page shows, and then copied
// frame by frame; only portals move.

import type { Shape, ZoneMap } from '../world/map.ts';
import type { Camera } from './camera.ts';
import { drawKerbs, drawPiece, isRaised, lightPiece, piece } from './decor.ts';
import type { Area, Piece } from './decor.ts';
import { COLOURS, FONT } from './theme.ts';

/** Painted beyond each side of the page, as a part of its longer side: so far one walks until it is painted again. */
const MARGIN = 0.2;
/** Width of a wall that is a line, metres. */
const WALL_M = 0.32;
/** How far a wall's south face shows, metres: the picture looks down a little from the south. */
const WALL_FACE_M = 0.42;
/** Where the light comes from: shadows fall this far, metres. */
const SHADOW_M = { x: 0.4, y: -0.95 } as const;
/** The night's blue over everything that has no light of its own. */
const NIGHT = 'rgb(12 14 44 / 18%)';

/** What the painted picture shows; another view needs another picture. */
interface View {
  /** Middle, in the region's plane, metres. */
  x: number;
  y: number;
  /** Device pixels a metre. */
  scale: number;
  width: number;
  height: number;
  /** Names of the closed barriers, joined. */
  closed: string;
}

export class Ground {
  readonly #map: ZoneMap;
  readonly #origin: readonly [number, number];
  readonly #flat: Piece[];
  readonly #raised: Piece[];
  readonly #solid = new Path2D();
  readonly #lines = new Path2D();
  readonly #barriers: { name: string; path: Path2D; solid: boolean }[];
  readonly #picture = document.createElement('canvas');
  #view: View | undefined;

  /** `origin`: the zone's south-west corner in the region's plane. */
  constructor(map: ZoneMap, origin: readonly [number, number]) {
    this.#map = map;
    this.#origin = origin;
    const pieces = (map.decor ?? []).map(({ kind, points }) => piece(kind, points));
    this.#flat = pieces.filter((each) => !isRaised(each));
    this.#raised = pieces.filter(isRaised);
    // A counter, a basin or a house is a wall as well: what it is drawn as shows where it stands.
    const drawn = new Set((map.decor ?? []).filter(({ kind }) => STANDS.has(kind)).map(({ points }) => String(points)));
    for (const wall of map.walls ?? []) {
      if (!drawn.has(String(wall.points))) (wall.closed ? this.#solid : this.#lines).addPath(outline(wall));
    }
    this.#barriers = (map.barriers ?? []).map(({ name, shape }) => ({ name, path: outline(shape), solid: shape.closed ?? false }));
  }

  /** Draws everything that people walk on and against. `pulse` runs from 0 to 1 and over again. */
  draw(context: CanvasRenderingContext2D, camera: Camera, closed: ReadonlySet<string>, ratio: number, pulse: number): void {
    const view = this.#shown(context.canvas, camera, ratio * camera.scale, [...closed].sort().join('\n'));
    if (this.#view !== view) {
      this.#view = view;
      this.#paint(view, closed);
    }
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    const { width, height } = context.canvas;
    const left = width / 2 - view.width / 2 + (view.x - camera.x) * view.scale;
    const top = height / 2 - view.height / 2 - (view.y - camera.y) * view.scale;
    context.drawImage(this.#picture, Math.round(left), Math.round(top));
    this.#toMetres(context, view.scale, width / 2 - camera.x * view.scale, height / 2 + camera.y * view.scale);
    this.#portals(context, pulse);
    context.restore();
    this.#labels(context, camera);
  }

  /** The view that is painted, if it covers the page and is right; otherwise the one to paint. */
  #shown({ width, height }: HTMLCanvasElement, { x, y }: Camera, scale: number, closed: string): View {
    const margin = Math.round(Math.max(width, height) * MARGIN);
    const wanted: View = { x, y, scale, width: width + 2 * margin, height: height + 2 * margin, closed };
    const view = this.#view;
    const right = view && view.scale === scale && view.closed === closed && view.width === wanted.width && view.height === wanted.height;
    const near = view && Math.max(Math.abs(view.x - x), Math.abs(view.y - y)) * scale < margin;
    return right && near ? view : wanted;
  }

  #paint(view: View, closed: ReadonlySet<string>): void {
    const { width, height, scale } = view;
    this.#picture.width = width;
    this.#picture.height = height;
    const context = this.#picture.getContext('2d', { alpha: false });
    if (!context) throw new Error('this browser cannot draw on a second canvas');
    context.fillStyle = COLOURS.beyond;
    context.fillRect(0, 0, width, height);
    this.#toMetres(context, scale, width / 2 - view.x * scale, height / 2 + view.y * scale);
    const x = view.x - this.#origin[0];
    const y = view.y - this.#origin[1];
    const seen = { x0: x - width / 2 / scale, y0: y - height / 2 / scale, x1: x + width / 2 / scale, y1: y + height / 2 / scale };
    const [mapWidth, mapHeight] = this.#map.size;
    context.beginPath();
    context.rect(0, 0, mapWidth, mapHeight);
    context.clip();
    context.fillStyle = COLOURS.ground;
    context.fillRect(0, 0, mapWidth, mapHeight);
    const firstRoad = this.#flat.find(({ kind }) => kind === 'road');
    for (const each of this.#flat) {
      if (each === firstRoad) drawKerbs(context, this.#flat);
      if (meets(each.box, seen, 1)) drawPiece(context, each, seen);
    }
    this.#walls(context, scale);
    this.#doors(context, closed);
    for (const each of this.#raised) if (meets(each.box, seen, 2)) drawPiece(context, each, seen);
    context.fillStyle = NIGHT;
    context.fillRect(seen.x0, seen.y0, seen.x1 - seen.x0, seen.y1 - seen.y0);
    context.globalCompositeOperation = 'screen';
    for (const each of [...this.#flat, ...this.#raised]) if (meets(each.box, seen, LIGHT_REACH_M)) lightPiece(context, each);
  }

  #walls(context: CanvasRenderingContext2D, scale: number): void {
    const draw = (dx: number, dy: number, colour: string): void => {
      context.save();
      context.translate(dx, dy);
      context.fillStyle = colour;
      context.strokeStyle = colour;
      context.lineWidth = WALL_M;
      context.fill(this.#solid);
      context.stroke(this.#lines);
      context.restore();
    };
    context.lineJoin = 'round';
    context.lineCap = 'round';
    draw(SHADOW_M.x, SHADOW_M.y, COLOURS.wallShadow);
    // From the foot up, in steps of a pixel or so: the face of the wall.
    for (let drop = WALL_FACE_M; drop > 0; drop -= 1.5 / scale) draw(0, -drop, COLOURS.wallFace);
    draw(0, 0, COLOURS.wall);
    context.strokeStyle = COLOURS.wallTop;
    context.lineWidth = 0.07;
    context.stroke(this.#solid);
  }

  #doors(context: CanvasRenderingContext2D, closed: ReadonlySet<string>): void {
    for (const { name, path, solid } of this.#barriers) {
      const shut = closed.has(name);
      context.save();
      context.strokeStyle = shut ? COLOURS.barrierEdge : COLOURS.barrierOpen;
      context.fillStyle = shut ? COLOURS.barrierClosed : COLOURS.barrierSill;
      if (solid) context.fill(path);
      context.setLineDash(shut ? [] : [0.2, 0.3]);
      context.lineWidth = solid ? 0.1 : WALL_M;
      context.stroke(path);
      context.restore();
    }
  }

  #portals(context: CanvasRenderingContext2D, pulse: number): void {
    for (const { at, radius } of this.#map.portals ?? []) {
      const glow = context.createRadialGradient(at[0], at[1], 0, at[0], at[1], radius);
      glow.addColorStop(0, 'rgb(143 123 255 / 60%)');
      glow.addColorStop(1, 'rgb(143 123 255 / 6%)');
      context.fillStyle = glow;
      circle(context, at, radius).fill();
      context.strokeStyle = COLOURS.portal;
      context.lineWidth = 0.08;
      circle(context, at, radius).stroke();
      context.globalAlpha = 1 - pulse;
      circle(context, at, radius * (0.3 + 0.7 * pulse)).stroke();
      context.globalAlpha = 1;
    }
  }

  #labels(context: CanvasRenderingContext2D, camera: Camera): void {
    const [x0, y0] = this.#origin;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.font = `600 12px ${FONT}`;
    context.fillStyle = COLOURS.portal;
    for (const { name, at, radius } of this.#map.portals ?? []) {
      const [px, py] = camera.toScreen(x0 + at[0], y0 + at[1] + radius + 0.7);
      context.fillText(name.replaceAll(/[-_]/g, ' ').toUpperCase(), px, py);
    }
  }

  /** From here on in the map's metres; `left`, `top`: where the region's origin lies, device pixels. */
  #toMetres(context: CanvasRenderingContext2D, scale: number, left: number, top: number): void {
    const [x, y] = this.#origin;
    context.setTransform(scale, 0, 0, -scale, left + x * scale, top - y * scale);
  }
}

/** Kinds that say by themselves that one cannot walk there. */
const STANDS: ReadonlySet<string> = new Set([
  'bar', 'table', 'bench', 'water', 'sea', 'tree', 'lamp', 'car', 'roof', 'container', 'crate', 'hull', 'crane',
]);
/** Nothing shines further than this, metres. */
const LIGHT_REACH_M = 12;

function meets(a: Area, b: Area, margin: number): boolean {
  return a.x0 - margin < b.x1 && a.x1 + margin > b.x0 && a.y0 - margin < b.y1 && a.y1 + margin > b.y0;
}

function outline(shape: Shape): Path2D {
  const path = new Path2D();
  shape.points.forEach(([x, y], index) => (index === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
  if (shape.closed) path.closePath();
  return path;
}

function circle(context: CanvasRenderingContext2D, at: readonly [number, number], radius: number): CanvasRenderingContext2D {
  context.beginPath();
  context.arc(at[0], at[1], radius, 0, 2 * Math.PI);
  return context;
}
