// Ways round the walls of a zone's map, read from the JSON that PROTOCOL.md describes.

/** Nearer than this to where one wants to go, the grid is left, m. */
const NEAR = 1.5;
const ABOUT = [[1, 0], [0, 1], [-1, 0], [0, -1], [1, 1], [-1, 1], [-1, -1], [1, -1]];

/** The walls of one zone; barriers count as closed. */
export class Walls {
  #segments = [];
  #bounds;

  /** Those of the zone that a `zone` message tells of, from the gateway of this WebSocket address. */
  static async of(url, zone) {
    const answer = await fetch(new URL(`/maps/${zone.map}`, url.replace(/^ws/, 'http')));
    if (!answer.ok) throw new Error(`the map of ${zone.zone}: ${answer.status}`);
    return new Walls(await answer.json(), zone.bounds);
  }

  constructor({ walls, barriers }, bounds) {
    this.#bounds = bounds;
    for (const { points, closed } of [...walls, ...barriers.map(({ shape }) => shape)]) {
      const corners = points.map(([x, y]) => [x + bounds[0], y + bounds[1]]);
      corners.slice(1).forEach((corner, index) => this.#segments.push([corners[index], corner]));
      if (closed) this.#segments.push([corners.at(-1), corners[0]]);
    }
  }

  /** Whether no wall touches the line between. */
  isFree(a, b) {
    return !this.#segments.some(([c, d]) => touch(a, b, c, d));
  }

  /** Points to walk to in turn: a shortest way over a grid of whole metres, by breadth first search. */
  way(from, to) {
    const [x0, y0, x1, y1] = this.#bounds;
    const at = ([i, j]) => [from[0] + i, from[1] + j];
    const cameFrom = new Map([['0,0', undefined]]);
    for (const edge = [[0, 0]]; edge.length > 0;) {
      const cell = edge.shift();
      const here = at(cell);
      if (Math.hypot(here[0] - to[0], here[1] - to[1]) < NEAR && this.isFree(here, to)) {
        const way = [to];
        for (let back = cell; cameFrom.get(String(back)); back = cameFrom.get(String(back))) way.unshift(at(back));
        return way;
      }
      for (const [i, j] of ABOUT) {
        const next = [cell[0] + i, cell[1] + j];
        const [x, y] = at(next);
        const isInside = x > x0 && x < x1 && y > y0 && y < y1;
        if (isInside && !cameFrom.has(String(next)) && this.isFree(here, [x, y])) {
          cameFrom.set(String(next), cell);
          edge.push(next);
        }
      }
    }
    throw new Error(`there is no way from ${from} to ${to}`);
  }
}

/** Whether segment `ab` touches segment `cd`. */
function touch(a, b, c, d) {
  const apart = (axis) => Math.max(a[axis], b[axis]) < Math.min(c[axis], d[axis]) || Math.max(c[axis], d[axis]) < Math.min(a[axis], b[axis]);
  if (apart(0) || apart(1)) return false;
  const side = (p, q, r) => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  const beside = (p, q, r, s) => side(p, q, r) * side(p, q, s) > 0;
  return !beside(a, b, c, d) && !beside(c, d, a, b);
}
