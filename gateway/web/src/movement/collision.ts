// Walking among walls. The server refuses any leg that touches a wall, so every step made here keeps a small distance
// from all of them, and slides along what it meets.

import type { Segment } from '../world/map.ts';

/** Distance kept from walls, metres: wide enough that two claims a quarter second apart don't cut a corner. */
export const CLEARANCE_M = 0.3;
/** Longest single step, metres; below the clearance, so that no step can jump over a wall. */
const STEP_M = 0.1;
/** Rounds of pushing out of walls a step; two suffice for a corner. */
const PUSH_ROUNDS = 4;
const CELL_M = 4;

export interface Vec {
  x: number;
  y: number;
}

/** Walls in a uniform grid, in one coordinate system of the caller's choice. */
export class WallIndex {
  readonly #cells = new Map<number, Segment[]>();
  readonly #width: number;
  readonly #isOpen: (barrier: string) => boolean;

  /** `isOpen` is asked at every step whether a barrier lets people through now. */
  constructor(segments: readonly Segment[], width: number, isOpen: (barrier: string) => boolean) {
    this.#width = Math.ceil(width / CELL_M) + 3;
    this.#isOpen = isOpen;
    for (const segment of segments) {
      this.#eachCell(segment.ax, segment.ay, segment.bx, segment.by, 0, (key) => {
        const cell = this.#cells.get(key);
        if (cell) cell.push(segment);
        else this.#cells.set(key, [segment]);
      });
    }
  }

  /** Whether the straight way from `a` to `b` touches no wall. */
  clear(a: Vec, b: Vec): boolean {
    let free = true;
    this.#each(a.x, a.y, b.x, b.y, 0, (wall) => {
      if (free && crosses(a, b, wall)) free = false;
    });
    return free;
  }

  /**
   * Where one gets who wants to go from `from` by `(dx, dy)`: as far as possible, sliding along walls, never further
   * than asked for, and never through a wall.
   */
  slide(from: Vec, dx: number, dy: number): Vec {
    const length = Math.hypot(dx, dy);
    const steps = Math.ceil(length / STEP_M);
    let at = { x: from.x, y: from.y };
    for (let i = 0; i < steps; i += 1) at = this.#step(at, dx / steps, dy / steps);
    return at;
  }

  #step(from: Vec, dx: number, dy: number): Vec {
    const wanted = Math.hypot(dx, dy);
    const to = { x: from.x + dx, y: from.y + dy };
    for (let round = 0; round < PUSH_ROUNDS && this.#pushOut(to); round += 1);
    const gone = Math.hypot(to.x - from.x, to.y - from.y);
    if (gone > wanted) {
      to.x = from.x + ((to.x - from.x) * wanted) / gone;
      to.y = from.y + ((to.y - from.y) * wanted) / gone;
    }
    return this.clear(from, to) ? to : from;
  }

  /** Moves `p` out of every wall it is too near to; answers whether there was one. */
  #pushOut(p: Vec): boolean {
    let pushed = false;
    this.#each(p.x, p.y, p.x, p.y, CLEARANCE_M, (wall) => {
      const { x, y } = nearest(p, wall);
      const gap = Math.hypot(p.x - x, p.y - y);
      if (gap >= CLEARANCE_M || gap === 0) return;
      p.x = x + ((p.x - x) / gap) * CLEARANCE_M;
      p.y = y + ((p.y - y) / gap) * CLEARANCE_M;
      pushed = true;
    });
    return pushed;
  }

  /** Every standing wall in the cells around a box; one in several cells comes several times, which does no harm. */
  #each(ax: number, ay: number, bx: number, by: number, margin: number, visit: (wall: Segment) => void): void {
    this.#eachCell(ax, ay, bx, by, margin, (key) => {
      for (const wall of this.#cells.get(key) ?? []) {
        if (wall.barrier === undefined || !this.#isOpen(wall.barrier)) visit(wall);
      }
    });
  }

  #eachCell(ax: number, ay: number, bx: number, by: number, margin: number, visit: (key: number) => void): void {
    const x0 = Math.floor((Math.min(ax, bx) - margin) / CELL_M);
    const x1 = Math.floor((Math.max(ax, bx) + margin) / CELL_M);
    const y0 = Math.floor((Math.min(ay, by) - margin) / CELL_M);
    const y1 = Math.floor((Math.max(ay, by) + margin) / CELL_M);
    for (let y = y0; y <= y1; y += 1) for (let x = x0; x <= x1; x += 1) visit((y + 1) * this.#width + x + 1);
  }
}

/** The point of a wall that is nearest to `p`. */
function nearest(p: Vec, wall: Segment): Vec {
  const dx = wall.bx - wall.ax;
  const dy = wall.by - wall.ay;
  const square = dx * dx + dy * dy;
  const part = square === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - wall.ax) * dx + (p.y - wall.ay) * dy) / square));
  return { x: wall.ax + dx * part, y: wall.ay + dy * part };
}

/** Whether the way from `a` to `b` and a wall have a point in common. */
function crosses(a: Vec, b: Vec, wall: Segment): boolean {
  const side = (px: number, py: number, qx: number, qy: number, rx: number, ry: number): number =>
    (qx - px) * (ry - py) - (qy - py) * (rx - px);
  const a1 = side(wall.ax, wall.ay, wall.bx, wall.by, a.x, a.y);
  const b1 = side(wall.ax, wall.ay, wall.bx, wall.by, b.x, b.y);
  const a2 = side(a.x, a.y, b.x, b.y, wall.ax, wall.ay);
  const b2 = side(a.x, a.y, b.x, b.y, wall.bx, wall.by);
  if (a1 === 0 && b1 === 0) {
    // On one line: they meet where their boxes do.
    return Math.max(a.x, b.x) >= Math.min(wall.ax, wall.bx) && Math.min(a.x, b.x) <= Math.max(wall.ax, wall.bx)
      && Math.max(a.y, b.y) >= Math.min(wall.ay, wall.by) && Math.min(a.y, b.y) <= Math.max(wall.ay, wall.by);
  }
  return a1 * b1 <= 0 && a2 * b2 <= 0;
}
