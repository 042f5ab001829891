// A zone's map as `/maps/{digest}` serves it: metres, relative to the south-west corner of the zone's bounds, y up.

import type { TagValue } from '../protocol/messages.ts';

export type Point = [number, number];

export interface Shape {
  points: Point[];
  closed?: boolean;
}

export interface ZoneMap {
  size: [number, number];
  walls?: Shape[];
  barriers?: { name: string; shape: Shape; closed: boolean }[];
  places?: { name: string; at: Point; radius?: number; properties?: Record<string, TagValue> }[];
  spawns: Point[];
  portals?: { name: string; at: Point; radius: number }[];
  decor?: { kind: string; points: Point[] }[];
}

/** A piece of wall between two corners, in the map's coordinates. */
export interface Segment {
  ax: number;
  ay: number;
  bx: number;
  by: number;
  /** The barrier it belongs to; `undefined`: it always stands. */
  barrier: string | undefined;
}

/** Every wall and barrier of a map as segments. */
export function segmentsOf(map: ZoneMap): Segment[] {
  const segments: Segment[] = [];
  const add = (shape: Shape, barrier: string | undefined): void => {
    const { points } = shape;
    const joints = shape.closed ? points.length : points.length - 1;
    for (let i = 0; i < joints; i += 1) {
      const [ax, ay] = points[i]!;
      const [bx, by] = points[(i + 1) % points.length]!;
      segments.push({ ax, ay, bx, by, barrier });
    }
  };
  for (const wall of map.walls ?? []) add(wall, undefined);
  for (const barrier of map.barriers ?? []) add(barrier.shape, barrier.name);
  return segments;
}

/** Maps kept; the one fetched first goes first. */
const KEPT_MAPS = 16;

/** Fetches maps and keeps them: a digest's map never changes. */
export class MapStore {
  readonly #maps = new Map<string, Promise<ZoneMap>>();
  readonly #base: string;

  /** `base`: the gateway's origin, without a trailing slash. */
  constructor(base: string) {
    this.#base = base;
  }

  /** The map with this digest. A failed fetch is not kept, so that asking again tries again. */
  load(digest: string): Promise<ZoneMap> {
    const known = this.#maps.get(digest);
    if (known) return known;
    const fetched = fetchMap(`${this.#base}/maps/${encodeURIComponent(digest)}`);
    this.#maps.set(digest, fetched);
    if (this.#maps.size > KEPT_MAPS) this.#maps.delete(this.#maps.keys().next().value!);
    fetched.catch(() => this.#maps.delete(digest));
    return fetched;
  }
}

async function fetchMap(url: string): Promise<ZoneMap> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the map at ${url} was not served: HTTP ${response.status}`);
  return (await response.json()) as ZoneMap;
}
