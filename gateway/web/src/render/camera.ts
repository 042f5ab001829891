// From the region's plane (metres, y up) to the canvas (CSS pixels, y down) and back. Pure.

export interface Viewport {
  width: number;
  height: number;
}

/** Pixels a metre. */
const ZOOM = { min: 8, max: 64 } as const;
/** About how many metres the shorter side of the page shows before the player zooms. */
const METRES_SHOWN = 26;
/** The camera closes about two thirds of its distance in this time, ms. */
const FOLLOW_MS = 90;
/** Further than this it cuts instead of gliding, metres. */
const CUT_M = 8;

export class Camera {
  x = 0;
  y = 0;
  #zoom = 1;
  #viewport: Viewport = { width: 1, height: 1 };

  resize(viewport: Viewport): void {
    this.#viewport = viewport;
  }

  /** Multiplies the zoom; above 1 comes closer. */
  zoomBy(factor: number): void {
    const base = this.#base();
    this.#zoom = Math.min(ZOOM.max / base, Math.max(ZOOM.min / base, this.#zoom * factor));
  }

  /** Pixels a metre now. */
  get scale(): number {
    return Math.min(ZOOM.max, Math.max(ZOOM.min, this.#base() * this.#zoom));
  }

  follow(x: number, y: number, elapsedMs: number): void {
    const far = Math.hypot(x - this.x, y - this.y) > CUT_M;
    const part = far ? 1 : 1 - Math.exp(-elapsedMs / FOLLOW_MS);
    this.x += (x - this.x) * part;
    this.y += (y - this.y) * part;
  }

  toScreen(x: number, y: number): [number, number] {
    const { width, height } = this.#viewport;
    return [width / 2 + (x - this.x) * this.scale, height / 2 - (y - this.y) * this.scale];
  }

  toWorld(px: number, py: number): [number, number] {
    const { width, height } = this.#viewport;
    return [this.x + (px - width / 2) / this.scale, this.y - (py - height / 2) / this.scale];
  }

  #base(): number {
    const { width, height } = this.#viewport;
    return Math.max(14, Math.min(width, height) / METRES_SHOWN);
  }
}
