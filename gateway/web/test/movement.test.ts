import { describe, expect, test } from 'vitest';
import { CLEARANCE_M, WallIndex } from '../src/movement/collision.ts';
import { Walker } from '../src/movement/walker.ts';
import type { ZoneInfo } from '../src/protocol/messages.ts';
import { segmentsOf } from '../src/world/map.ts';
import type { Shape, ZoneMap } from '../src/world/map.ts';

describe('sliding', () => {
  test('open ground is walked straight', () => {
    const to = walls([]).slide({ x: 5, y: 5 }, 3, 4);
    expect(to.x).toBeCloseTo(8);
    expect(to.y).toBeCloseTo(9);
  });

  test('a wall across the way stops one short of it', () => {
    const to = walls([line([10, 0], [10, 20])]).slide({ x: 8, y: 10 }, 5, 0);
    expect(to.x).toBeCloseTo(10 - CLEARANCE_M, 2);
    expect(to.y).toBeCloseTo(10);
  });

  test('a wall met aslant is slid along', () => {
    const to = walls([line([10, 0], [10, 20])]).slide({ x: 9, y: 5 }, 4, 4);
    expect(to.x).toBeLessThan(10);
    expect(to.y).toBeCloseTo(9, 1);
  });

  test('an inner corner holds', () => {
    const to = walls([line([10, 0], [10, 10], [0, 10])]).slide({ x: 9, y: 9 }, 20, 20);
    expect(to.x).toBeLessThan(10);
    expect(to.y).toBeLessThan(10);
  });

  test('nobody gets further than she asked for', () => {
    const index = walls([line([10, 0], [10, 20])]);
    for (let angle = 0; angle < 6.28; angle += 0.1) {
      const from = { x: 9.8, y: 10 };
      const to = index.slide(from, Math.cos(angle), Math.sin(angle));
      expect(Math.hypot(to.x - from.x, to.y - from.y)).toBeLessThanOrEqual(1 + 1e-9);
    }
  });

  test('an open barrier lets through, a closed one does not', () => {
    const map: ZoneMap = { ...EMPTY, barriers: [{ name: 'gate', shape: line([10, 0], [10, 20]), closed: true }] };
    let open = false;
    const index = new WallIndex(segmentsOf(map), 40, () => open);
    expect(index.slide({ x: 9, y: 10 }, 2, 0).x).toBeLessThan(10);
    open = true;
    expect(index.slide({ x: 9, y: 10 }, 2, 0).x).toBeCloseTo(11);
  });

  test('a thousand random walks among random walls never cross one', () => {
    const random = seeded(7);
    for (let round = 0; round < 20; round += 1) {
      const shapes = Array.from({ length: 30 }, () => line([random() * 40, random() * 40], [random() * 40, random() * 40]));
      const index = walls(shapes);
      let at = { x: random() * 40, y: random() * 40 };
      for (let step = 0; step < 50; step += 1) {
        const to = index.slide(at, (random() - 0.5) * 2, (random() - 0.5) * 2);
        // The way may bend, so it is checked in the pieces that a fast page makes.
        const part = index.slide(at, (to.x - at.x) * 0.05, (to.y - at.y) * 0.05);
        expect(index.clear(at, part)).toBe(true);
        at = to;
      }
    }
  });
});

describe('walking', () => {
  test('claims are at most 20 a second, and the last one is where she stands', () => {
    const { walker, claims } = walk([]);
    walker.steer(1, 0);
    const end = run(walker, 0, 2_000);
    walker.steer(0, 0);
    run(walker, end, 200);
    expect(claims.length).toBeGreaterThanOrEqual(20);
    expect(claims.length).toBeLessThanOrEqual(40);
    expect(claims.at(-1)).toMatchObject({ x: walker.pose.x, y: walker.pose.y });
  });

  test('the speed is kept to, also diagonally and in slowed time', () => {
    const { walker } = walk([]);
    walker.steer(1, 1);
    run(walker, 0, 1_000);
    const gone = Math.hypot(walker.pose.x - 105, walker.pose.y - 205);
    expect(gone).toBeGreaterThan(5.5);
    expect(gone).toBeLessThanOrEqual(6);
    const slow = walk([]).walker;
    slow.steer(1, 0);
    run(slow, 0, 1_000, 0.5);
    expect(slow.pose.x - 105).toBeLessThanOrEqual(3);
  });

  test('round a corner every leg between two claims is free of walls', () => {
    const shapes = [{ points: [[8, 0], [8, 8], [30, 8], [30, 0]], closed: true } as Shape, line([20, 9.2], [20, 30])];
    const { walker, claims, index } = walk(shapes);
    let now = 0;
    for (const [x, y, ms] of [[0, 1, 600], [1, -1, 2_000], [1, 1, 3_000], [-1, -1, 2_000], [-1, 1, 1_000]] as const) {
      walker.steer(x, y);
      now = run(walker, now, ms);
    }
    const legs = [{ x: 105, y: 205 }, ...claims];
    for (let i = 1; i < legs.length; i += 1) expect(index.clear(local(legs[i - 1]!), local(legs[i]!))).toBe(true);
    expect(claims.length).toBeGreaterThan(20);
  });

  test('a click leads there in a straight line and ends', () => {
    const { walker } = walk([]);
    walker.walkTo(108, 209, 0);
    run(walker, 0, 1_500);
    expect(walker.pose.x).toBeCloseTo(108, 1);
    expect(walker.pose.y).toBeCloseTo(209, 1);
    expect(walker.target).toBeUndefined();
  });

  test('a click behind a wall is given up at the wall', () => {
    const { walker } = walk([line([10, 0], [10, 30])]);
    walker.walkTo(120, 205, 0);
    run(walker, 0, 3_000);
    expect(walker.target).toBeUndefined();
    expect(walker.pose.x).toBeLessThan(110);
  });

  test('after a correction claims name its number and start where it put her', () => {
    const { walker, claims } = walk([]);
    walker.steer(1, 0);
    const now = run(walker, 0, 500);
    walker.placed(3, 104, 204);
    expect(walker.pose).toMatchObject({ x: 104, y: 204 });
    claims.length = 0;
    run(walker, now, 200);
    expect(claims.every(({ c }) => c === 3)).toBe(true);
    expect(claims[0]!.x - 104).toBeLessThan(1);
  });

  test('an edge that put her back is kept away from', () => {
    const { walker, claims } = walk([]);
    walker.steer(-1, 0);
    let now = run(walker, 0, 2_000);
    expect(walker.pose.x).toBeLessThan(100);
    walker.placed(1, 100.2, 205);
    claims.length = 0;
    now = run(walker, now, 2_000);
    expect(claims.every(({ x }) => x > 100)).toBe(true);
  });

  test('nobody walks while the zone stands still or its walls are unknown', () => {
    const { walker, claims } = walk([]);
    walker.steer(1, 0);
    run(walker, 0, 500, 0);
    const fresh = new Walker((c, x, y, h) => claims.push({ c, x, y, h }));
    fresh.enter(ZONE, true);
    fresh.steer(1, 0);
    run(fresh, 0, 500);
    expect(claims).toEqual([]);
  });

  test('a zone that goes on under her does not pull her back', () => {
    const { walker } = walk([]);
    walker.steer(1, 0);
    run(walker, 0, 500);
    const { x } = walker.pose;
    walker.enter({ ...ZONE, reason: 'swapped' }, false);
    expect(walker.pose.x).toBe(x);
  });
});

const EMPTY: ZoneMap = { size: [40, 40], spawns: [[5, 5]] };
const ZONE: ZoneInfo = {
  zone: 'nyc.streets', region: 'ny', bounds: [100, 200, 140, 240], x: 105, y: 205, h: 0, c: 0, speed: 6, tick_hz: 20, tick: 0,
  game_ms: 0, map: 'd', barriers: [], module: 'streets', version: '1', generation: 1, reason: 'entered',
};

function line(...points: [number, number][]): Shape {
  return { points };
}

function walls(shapes: Shape[]): WallIndex {
  return new WallIndex(segmentsOf({ ...EMPTY, walls: shapes }), 40, () => false);
}

interface Claimed { c: number; x: number; y: number; h: number }

function walk(shapes: Shape[]): { walker: Walker; claims: Claimed[]; index: WallIndex } {
  const claims: Claimed[] = [];
  const walker = new Walker((c, x, y, h) => claims.push({ c, x, y, h }));
  const index = walls(shapes);
  walker.enter(ZONE, true);
  walker.setWalls(index);
  return { walker, claims, index };
}

/** Lets frames of 60 Hz pass; answers the time afterwards. */
function run(walker: Walker, from: number, ms: number, pace = 1): number {
  let now = from;
  for (; now <= from + ms; now += 1000 / 60) walker.step(now, pace);
  return now;
}

function local({ x, y }: { x: number; y: number }): { x: number; y: number } {
  return { x: x - 100, y: y - 200 };
}

/** Small repeatable random numbers (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
