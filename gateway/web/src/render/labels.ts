// Names beside their figures, placed so that none covers another or somebody's body.

import { bodyRadius } from './figures.ts';
import type { Figure } from './figures.ts';
import { COLOURS, FONT } from './theme.ts';

/** A rectangle of the page, pixels. */
export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export type Side = 'below' | 'above' | 'right' | 'left';

const SIDES: readonly Side[] = ['below', 'above', 'right', 'left'];
/** Between a body and its name, pixels. */
const GAP = 6;
/** Room to spare before a name goes back below its body, pixels. */
const SPARE = 5;
const NAME = { font: `600 13.5px ${FONT}`, line: 16 } as const;
const TITLE = { font: `12px ${FONT}`, line: 15 } as const;

/**
 * Draws the names, those first in `figures` at the best places; answers what is covered now: every body and name. In a
 * crowd titles are left out first, then names: who is pointed at, and the player herself, always have one.
 */
export function drawLabels(context: CanvasRenderingContext2D, figures: readonly Figure[], scale: number): Box[] {
  const r = bodyRadius(scale);
  const taken: Box[] = figures.map(({ px, py }) => ({ x: px - r, y: py - r, w: 2 * r, h: 2 * r }));
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.lineJoin = 'round';
  context.lineWidth = 3.5;
  context.strokeStyle = COLOURS.outline;
  for (const figure of figures) {
    const name = figure.away ? `${figure.name} (away)` : figure.name;
    if (!name) continue;
    context.font = NAME.font;
    const width = context.measureText(name).width + 4;
    context.font = TITLE.font;
    const titled = figure.title ? Math.max(width, context.measureText(figure.title).width + 4) : 0;
    const full = titled > 0 ? free(figure, r, titled, NAME.line + TITLE.line, taken) : undefined;
    const box = full ?? free(figure, r, width, NAME.line, taken)
      ?? (figure.own || figure.marked ? beside(figure, 'below', r, width, NAME.line) : undefined);
    if (!box) continue;
    taken.push(box);
    const x = box.x + box.w / 2;
    context.globalAlpha = figure.away ? 0.55 : 1;
    write(context, name, x, box.y, NAME.font, figure.own ? COLOURS.own : COLOURS.name);
    if (full) write(context, figure.title, x, box.y + NAME.line, TITLE.font, COLOURS.title);
  }
  context.globalAlpha = 1;
  return taken;
}

export function covers(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/**
 * A place beside the figure that covers nothing: below if there is room to spare, so that nothing flickers at the brink,
 * else where it was before, else anywhere.
 */
function free(figure: Figure, r: number, w: number, h: number, taken: readonly Box[]): Box | undefined {
  const fits = (box: Box): boolean => !taken.some((other) => covers(box, other));
  const { x, y } = beside(figure, 'below', r, w, h);
  if (fits({ x: x - SPARE, y, w: w + 2 * SPARE, h: h + SPARE })) figure.side = 'below';
  for (const side of [figure.side, ...SIDES]) {
    const box = beside(figure, side, r, w, h);
    if (!fits(box)) continue;
    figure.side = side;
    return box;
  }
  return undefined;
}

function beside({ px, py, own, marked }: Figure, side: Side, r: number, w: number, h: number): Box {
  // Those with a ring around them need more room.
  const far = r + (own || marked ? GAP + 4 : GAP);
  switch (side) {
    case 'below':
      return { x: px - w / 2, y: py + far, w, h };
    case 'above':
      return { x: px - w / 2, y: py - far - h, w, h };
    case 'right':
      return { x: px + far, y: py - h / 2, w, h };
    case 'left':
      return { x: px - far - w, y: py - h / 2, w, h };
  }
}

function write(context: CanvasRenderingContext2D, text: string, x: number, y: number, font: string, colour: string): void {
  context.font = font;
  context.fillStyle = colour;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
