// Smooth motion from ticked updates: which game time it is on the server, and where an entity was a moment before it.

/** How far behind the server entities are drawn, ms of game time. */
export const RENDER_DELAY_MS = 100;
/** Longest delay of an entity that is sent less often, ms. */
const MAX_DELAY_MS = 300;
/** A moving entity is sent at least every so many ticks; after a longer pause it had been standing. */
const MAX_TICKS_BETWEEN = 4;
/** Off by more than this, the clock jumps instead of gliding, ms. */
const JUMP_MS = 400;
/** Part of its error that the clock corrects with each update. */
const GLIDE = 0.1;
/** Samples kept an entity: half a second at 20 Hz and more. */
const MAX_SAMPLES = 12;

/** Estimates the server's game time from the ticks of its updates, whatever the network's jitter. */
export class GameClock {
  #tickMs = 50;
  #rate = 1;
  #gameMs = 0;
  #at: number | undefined;

  /** Begins anew with a zone's own rate. */
  reset(tickHz: number, tick: number, now: number): void {
    this.#tickMs = 1000 / tickHz;
    this.#rate = 1;
    this.#gameMs = tick * this.#tickMs;
    this.#at = now;
  }

  /** An update of `tick` arrived; `dilation` below 1: game time passes slower. Answers the tick's game time. */
  observe(tick: number, dilation: number, now: number): number {
    const seen = tick * this.#tickMs;
    const error = seen - this.gameMs(now);
    this.#gameMs = this.gameMs(now) + (Math.abs(error) > JUMP_MS ? error : error * GLIDE);
    this.#at = now;
    this.#rate = dilation;
    return seen;
  }

  /** The game time now, ms. */
  gameMs(now: number): number {
    return this.#at === undefined ? 0 : this.#gameMs + (now - this.#at) * this.#rate;
  }

  /** Milliseconds of game time in one tick. */
  get tickMs(): number {
    return this.#tickMs;
  }
}

interface Sample {
  at: number;
  x: number;
  y: number;
  h: number;
}

/** A position and a heading. */
export interface Pose {
  x: number;
  y: number;
  h: number;
}

/** Where one entity was over the last moments. */
export class Track {
  readonly #samples: Sample[] = [];
  #delay = RENDER_DELAY_MS;

  constructor(pose: Pose, at: number) {
    this.#samples.push({ at, x: pose.x, y: pose.y, h: pose.h });
  }

  /** It was at `pose` at game time `at`, ms. A jump forgets the way there. */
  push(pose: Pose, at: number, jump: boolean, tickMs: number): void {
    const last = this.#samples.at(-1)!;
    if (jump || at < last.at) {
      // Also when the zone's time was set back (rolled back, recovered): what is in its future never happened.
      this.#samples.length = 0;
    } else if (at === last.at) {
      this.#samples.pop();
    } else if (at - last.at > (MAX_TICKS_BETWEEN + 0.5) * tickMs) {
      // It had been standing: it set out one tick ago, not when it was last heard of.
      this.#samples.push({ ...last, at: at - tickMs });
    } else {
      const wanted = Math.min(MAX_DELAY_MS, Math.max(RENDER_DELAY_MS, (at - last.at) * 1.25));
      this.#delay += (wanted - this.#delay) * 0.2;
    }
    this.#samples.push({ at, x: pose.x, y: pose.y, h: pose.h });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** Where to draw it when the server's game time is `gameMs`; written into `out`. */
  pose(gameMs: number, out: Pose): Pose {
    const at = gameMs - this.#delay;
    const samples = this.#samples;
    let after = samples.length - 1;
    while (after > 0 && samples[after - 1]!.at >= at) after -= 1;
    const b = samples[after]!;
    const a = after > 0 ? samples[after - 1]! : b;
    const part = b.at > a.at ? Math.min(1, Math.max(0, (at - a.at) / (b.at - a.at))) : 1;
    out.x = a.x + (b.x - a.x) * part;
    out.y = a.y + (b.y - a.y) * part;
    out.h = a.h + turn(a.h, b.h) * part;
    return out;
  }

  /** The last position the server told. */
  get latest(): Readonly<Pose> {
    return this.#samples.at(-1)!;
  }
}

/** The shorter way from heading `a` to heading `b`, radians in -π..π. */
export function turn(a: number, b: number): number {
  const full = 2 * Math.PI;
  const angle = (((b - a) % full) + full) % full;
  return angle > Math.PI ? angle - full : angle;
}
