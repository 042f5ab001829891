// A zone's map on the canvas. Paths are built once a map, in metres; drawing them is a transform and a few fills.

import type { Shape, ZoneMap } from '../world/map.ts';
import type { Camera } from './camera.ts';
import { COLOURS, DECOR, DECOR_OTHER, FONT } from './theme.ts';

const GRID_M = 4;
/** Width of a wall that is a line, metres. */
const WALL_M = 0.32;
/** Where the light comes from: shadows fall this far, metres. */
const SHADOW_M = { x: 0.28, y: -0.34 } as const;

export class Ground {
  readonly #map: ZoneMap;
  readonly #origin: readonly [number, number];
  readonly #decor: { colour: string; path: Path2D }[];
  readonly #solid = new Path2D();
  readonly #lines = new Path2D();
  readonly #barriers: { name: string; path: Path2D }[];
  readonly #grid = new Path2D();

  /** `origin`: the zone's south-west corner in the region's plane. */
  constructor(map: ZoneMap, origin: readonly [number, number]) {
    this.#map = map;
    this.#origin = origin;
    this.#decor = (map.decor ?? []).map(({ kind, points }) => {
      return { colour: DECOR[kind] ?? DECOR_OTHER, path: outline({ points, closed: true }) };
    });
    for (const wall of map.walls ?? []) (wall.closed ? this.#solid : this.#lines).addPath(outline(wall));
    this.#barriers = (map.barriers ?? []).map(({ name, shape }) => ({ name, path: outline(shape) }));
    const [width, height] = map.size;
    for (let x = GRID_M; x < width; x += GRID_M) line(this.#grid, x, 0, x, height);
    for (let y = GRID_M; y < height; y += GRID_M) line(this.#grid, 0, y, width, y);
  }

  /** Draws everything that people walk on and against. `pulse` runs from 0 to 1 and over again. */
  draw(context: CanvasRenderingContext2D, camera: Camera, closed: ReadonlySet<string>, ratio: number, pulse: number): void {
    const { scale } = camera;
    const [left, top] = camera.toScreen(this.#origin[0], this.#origin[1]);
    const metres = (dx = 0, dy = 0): void => {
      context.setTransform(ratio * scale, 0, 0, -ratio * scale, ratio * (left + dx * scale), ratio * (top - dy * scale));
    };
    const [width, height] = this.#map.size;
    context.save();
    metres();
    context.fillStyle = COLOURS.ground;
    context.fillRect(0, 0, width, height);
    for (const { colour, path } of this.#decor) {
      context.fillStyle = colour;
      context.fill(path);
    }
    context.lineWidth = 1 / scale;
    context.strokeStyle = COLOURS.groundLine;
    context.stroke(this.#grid);
    context.strokeStyle = 'rgb(255 255 255 / 14%)';
    context.strokeRect(0, 0, width, height);

    this.#marks(context, scale, pulse);

    context.lineJoin = 'round';
    context.lineCap = 'round';
    metres(SHADOW_M.x, SHADOW_M.y);
    context.fillStyle = COLOURS.wallShadow;
    context.strokeStyle = COLOURS.wallShadow;
    context.fill(this.#solid);
    context.lineWidth = WALL_M;
    context.stroke(this.#lines);
    metres();
    context.fillStyle = COLOURS.wall;
    context.fill(this.#solid);
    context.strokeStyle = COLOURS.wallTop;
    context.lineWidth = 2 / scale;
    context.stroke(this.#solid);
    context.lineWidth = WALL_M;
    context.stroke(this.#lines);
    for (const { name, path } of this.#barriers) {
      const shut = closed.has(name);
      context.strokeStyle = shut ? COLOURS.barrierClosed : COLOURS.barrierOpen;
      context.setLineDash(shut ? [] : [0.15, 0.45]);
      context.lineWidth = shut ? WALL_M : WALL_M / 2;
      context.stroke(path);
    }
    context.restore();
    this.#labels(context, camera);
  }

  #marks(context: CanvasRenderingContext2D, scale: number, pulse: number): void {
    context.strokeStyle = COLOURS.place;
    context.setLineDash([0.4, 0.4]);
    context.lineWidth = 1.5 / scale;
    for (const { at, radius = 0 } of this.#map.places ?? []) {
      if (radius > 0) circle(context, at, radius).stroke();
    }
    context.setLineDash([]);
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
    context.fillStyle = COLOURS.placeText;
    const label = (name: string, x: number, y: number): void => {
      const [px, py] = camera.toScreen(x0 + x, y0 + y);
      context.fillText(name.replaceAll(/[-_]/g, ' ').toUpperCase(), px, py);
    };
    for (const { name, at, radius = 0 } of this.#map.places ?? []) {
      if (radius > 0) label(name, at[0], at[1] + radius - 0.7);
    }
    context.fillStyle = COLOURS.portal;
    for (const { name, at, radius } of this.#map.portals ?? []) label(name, at[0], at[1] + radius + 0.7);
  }
}

function outline(shape: Shape): Path2D {
  const path = new Path2D();
  shape.points.forEach(([x, y], index) => (index === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
  if (shape.closed) path.closePath();
  return path;
}

function line(path: Path2D, ax: number, ay: number, bx: number, by: number): void {
  path.moveTo(ax, ay);
  path.lineTo(bx, by);
}

function circle(context: CanvasRenderingContext2D, at: readonly [number, number], radius: number): CanvasRenderingContext2D {
  context.beginPath();
  context.arc(at[0], at[1], radius, 0, 2 * Math.PI);
  return context;
}
