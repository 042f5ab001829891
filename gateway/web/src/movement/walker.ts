// The player's own avatar: from what she wants (keys held, a point clicked) to where she is, and to the claims that are
// sent. Pure: time is an argument, walls are an index, claims are handed to a callback.

import type { ZoneInfo } from '../protocol/messages.ts';
import type { Pose } from '../world/timeline.ts';
import type { Vec, WallIndex } from './collision.ts';

/** Time between two claims while walking, ms: about 15 a second. */
const SEND_EVERY_MS = 66;
/** Never sooner than this after the last claim, ms: the protocol's 20 a second. */
const SEND_AT_MOST_MS = 50;
/** Longest step of time in one go, ms: a page that was hidden does not leap. */
const MAX_STEP_MS = 100;
/** Part of the speed that is used, so that two clocks that differ a little don't overdraw the distance budget. */
const SPEED_USED = 0.99;
/** A clicked point nearer than this is reached, metres. */
const ARRIVED_M = 0.05;
/** A click-walk that gains nothing for this long has ended at a wall, ms. */
const STUCK_MS = 400;
/** How far over the zone's edge one may claim to be, metres: enough to be handed to the neighbour, if there is one. */
const OVER_EDGE_M = 0.5;
/** How near to an edge a correction must be to mean that nothing lies behind it, metres. */
const AT_EDGE_M = 1;

/** Sends one claim: position in the region's plane, heading in radians. */
export type Claim = (c: number, x: number, y: number, h: number) => void;

export class Walker {
  readonly #claim: Claim;
  #zone: ZoneInfo | undefined;
  #walls: WallIndex | undefined;
  #c = 0;
  readonly #pose: Pose = { x: 0, y: 0, h: 0 };
  #keys: Vec = { x: 0, y: 0 };
  #target: Vec | undefined;
  #nearest = Infinity;
  #gainedAt = 0;
  #steppedAt = 0;
  #sentAt = -Infinity;
  #sent: Pose = { x: 0, y: 0, h: 0 };
  /** Edges that put us back: west, south, east, north. */
  readonly #deadEdges: [boolean, boolean, boolean, boolean] = [false, false, false, false];

  constructor(claim: Claim) {
    this.#claim = claim;
  }

  /** A zone begins, or goes on; `moved`: we stand where it says. */
  enter(zone: ZoneInfo, moved: boolean): void {
    if (this.#zone?.zone !== zone.zone) {
      this.#walls = undefined;
      this.#deadEdges.fill(false);
    }
    this.#zone = zone;
    this.#c = zone.c;
    if (moved) this.#put(zone.x, zone.y, zone.h);
  }

  /** The zone's walls, relative to its south-west corner; until they are known nobody walks. */
  setWalls(walls: WallIndex): void {
    this.#walls = walls;
  }

  /** The server put us here; later claims name its `c`. */
  placed(c: number, x: number, y: number): void {
    this.#c = c;
    this.#learnEdges(x, y);
    this.#put(x, y, this.#pose.h);
    this.#target = undefined;
  }

  /** The direction of the keys held, each -1, 0 or 1; a held key ends a click-walk. */
  steer(x: number, y: number): void {
    this.#keys = { x, y };
    if (x !== 0 || y !== 0) this.#target = undefined;
  }

  /** Walk in a straight line to a point of the region's plane. */
  walkTo(x: number, y: number, now: number): void {
    this.#target = { x, y };
    this.#nearest = Infinity;
    this.#gainedAt = now;
  }

  stop(): void {
    this.#keys = { x: 0, y: 0 };
    this.#target = undefined;
  }

  /** Where a click-walk leads. */
  get target(): Readonly<Vec> | undefined {
    return this.#target;
  }

  get pose(): Readonly<Pose> {
    return this.#pose;
  }

  /**
   * Lets time pass up to `now`. `pace` scales the speed: the zone's time dilation, or 0 while it stands still.
   */
  step(now: number, pace: number): void {
    const elapsed = Math.min(MAX_STEP_MS, now - this.#steppedAt);
    this.#steppedAt = now;
    if (!this.#zone || !this.#walls || elapsed <= 0) return;
    if (pace > 0) this.#walk((elapsed / 1000) * this.#zone.speed * SPEED_USED * pace, now);
    this.#send(now);
  }

  #walk(reach: number, now: number): void {
    const heading = this.#wanted();
    if (!heading) return;
    const step = Math.min(reach, heading.distance);
    const zone = this.#zone!;
    const [x0, y0] = zone.bounds;
    const from = { x: this.#pose.x - x0, y: this.#pose.y - y0 };
    let to = this.#inBounds(this.#walls!.slide(from, heading.x * step, heading.y * step));
    // A slow frame's way may bend round a corner; the server only sees the straight leg.
    if (!this.#walls!.clear(from, to)) to = this.#walls!.slide(from, (heading.x * step) / 4, (heading.y * step) / 4);
    // Claims are legs: before we leave the sight of the last claimed position, the one still in sight is claimed.
    const sent = { x: this.#sent.x - x0, y: this.#sent.y - y0 };
    if (!this.#walls!.clear(sent, to)) {
      if (now - this.#sentAt < SEND_AT_MOST_MS) return;
      this.#claimNow(now);
    }
    this.#pose.x = to.x + x0;
    this.#pose.y = to.y + y0;
    this.#pose.h = Math.atan2(heading.y, heading.x);
    if (this.#target) this.#mindTarget(now);
  }

  /** Direction as a unit vector, and how far; `undefined`: stand. */
  #wanted(): (Vec & { distance: number }) | undefined {
    const { x, y } = this.#keys;
    if (x !== 0 || y !== 0) {
      const length = Math.hypot(x, y);
      return { x: x / length, y: y / length, distance: Infinity };
    }
    if (!this.#target) return undefined;
    const dx = this.#target.x - this.#pose.x;
    const dy = this.#target.y - this.#pose.y;
    const distance = Math.hypot(dx, dy);
    if (distance <= ARRIVED_M) {
      this.#target = undefined;
      return undefined;
    }
    return { x: dx / distance, y: dy / distance, distance };
  }

  #mindTarget(now: number): void {
    const left = Math.hypot(this.#target!.x - this.#pose.x, this.#target!.y - this.#pose.y);
    if (left < this.#nearest - 0.02) {
      this.#nearest = left;
      this.#gainedAt = now;
    } else if (now - this.#gainedAt > STUCK_MS) {
      this.#target = undefined;
    }
  }

  #send(now: number): void {
    const { x, y, h } = this.#pose;
    if (x === this.#sent.x && y === this.#sent.y && h === this.#sent.h) return;
    if (now - this.#sentAt >= SEND_EVERY_MS) this.#claimNow(now);
  }

  #claimNow(now: number): void {
    this.#sentAt = now;
    this.#sent = { ...this.#pose };
    this.#claim(this.#c, this.#pose.x, this.#pose.y, this.#pose.h);
  }

  #put(x: number, y: number, h: number): void {
    this.#pose.x = x;
    this.#pose.y = y;
    this.#pose.h = h;
    this.#sent = { x, y, h };
  }

  /** Keeps a map position inside, except for the little that makes a neighbour take over. */
  #inBounds(at: Vec): Vec {
    const [x0, y0, x1, y1] = this.#zone!.bounds;
    const [west, south, east, north] = this.#deadEdges.map((dead) => (dead ? -CLEAR_OF_EDGE_M : OVER_EDGE_M));
    return {
      x: Math.min(x1 - x0 + east!, Math.max(-west!, at.x)),
      y: Math.min(y1 - y0 + north!, Math.max(-south!, at.y)),
    };
  }

  /** Put back from over an edge: nothing lies behind it. */
  #learnEdges(x: number, y: number): void {
    if (!this.#zone) return;
    const [x0, y0, x1, y1] = this.#zone.bounds;
    const { x: wasX, y: wasY } = this.#sent;
    const dead = this.#deadEdges;
    if (wasX < x0 && x - x0 < AT_EDGE_M) dead[0] = true;
    if (wasY < y0 && y - y0 < AT_EDGE_M) dead[1] = true;
    if (wasX >= x1 && x1 - x < AT_EDGE_M) dead[2] = true;
    if (wasY >= y1 && y1 - y < AT_EDGE_M) dead[3] = true;
  }
}

/** Distance kept from an edge with nothing behind it, metres. */
const CLEAR_OF_EDGE_M = 0.05;
