// Those who walk the map: their bodies, and what they say. Their names are placed in `labels.ts`.

import type { Bubble } from '../world/model.ts';
import type { Kind } from '../protocol/messages.ts';
import { covers } from './labels.ts';
import type { Box, Side } from './labels.ts';
import { COLOURS, FONT, HAIR, SKIN } from './theme.ts';

/** Size of a body, metres. */
export const BODY_M = 0.56;
/** Smallest body on the screen, pixels: still visible when zoomed out. */
const BODY_MIN_PX = 7.5;
const BUBBLE = { width: 230, padX: 11, padY: 8, line: 18, lines: 5, gap: 9, fadeMs: 400 } as const;

/** What is drawn of one entity. */
export interface Figure {
  /** Screen position of its feet, pixels. */
  px: number;
  py: number;
  /** Heading, radians counter-clockwise from east. */
  h: number;
  kind: Kind;
  name: string;
  title: string;
  colour: string;
  /** Varies who looks like whom: the entity's id. */
  id: number;
  own: boolean;
  away: boolean;
  ghost: boolean;
  marked: boolean;
  /** Where its name was drawn last; there it stays as long as it can. */
  side: Side;
}

/** Radius of a body on the screen, pixels. */
export function bodyRadius(scale: number): number {
  return Math.max(BODY_MIN_PX, BODY_M * scale);
}

export function drawBody(context: CanvasRenderingContext2D, figure: Figure, scale: number): void {
  const { px, py } = figure;
  const r = bodyRadius(scale);
  context.save();
  context.globalAlpha = figure.away ? 0.4 : figure.ghost ? 0.75 : 1;
  context.fillStyle = 'rgb(0 0 0 / 45%)';
  context.beginPath();
  context.ellipse(px + r * 0.3, py + r * 0.45, r * 1.05, r * 0.9, 0, 0, 2 * Math.PI);
  context.fill();
  if (figure.own || figure.marked) {
    context.strokeStyle = figure.own ? 'rgb(226 184 102 / 70%)' : 'rgb(255 255 255 / 75%)';
    context.lineWidth = 2;
    context.beginPath();
    context.arc(px, py, r + 5, 0, 2 * Math.PI);
    context.stroke();
  }
  context.translate(px, py);
  context.strokeStyle = COLOURS.outline;
  context.lineWidth = 1.6;
  context.fillStyle = figure.colour;
  if (figure.kind === 'object') {
    context.beginPath();
    context.roundRect(-r * 0.8, -r * 0.8, r * 1.6, r * 1.6, r * 0.3);
    context.fill();
    context.stroke();
  } else {
    context.rotate(-figure.h);
    drawPerson(context, r, figure.id);
  }
  context.restore();
}

/** Somebody from above who looks along +x, in the current colour. */
function drawPerson(context: CanvasRenderingContext2D, r: number, id: number): void {
  const oval = (x: number, y: number, rx: number, ry: number): void => {
    context.beginPath();
    context.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
    context.fill();
  };
  // Shoulders and sleeves, then the head: hair, with the face in front.
  oval(0, 0, r * 0.64, r * 1.12);
  context.stroke();
  context.fillStyle = 'rgb(255 255 255 / 20%)';
  oval(-r * 0.08, -r * 0.74, r * 0.34, r * 0.26);
  oval(-r * 0.08, r * 0.74, r * 0.34, r * 0.26);
  context.fillStyle = COLOURS.outline;
  oval(r * 0.12, 0, r * 0.68, r * 0.64);
  context.fillStyle = SKIN[id % SKIN.length]!;
  oval(r * 0.22, 0, r * 0.52, r * 0.54);
  context.fillStyle = HAIR[Math.floor(id / SKIN.length) % HAIR.length]!;
  oval(-r * 0.02, 0, r * 0.46, r * 0.56);
  context.fillStyle = 'rgb(255 255 255 / 14%)';
  oval(-r * 0.14, -r * 0.14, r * 0.2, r * 0.24);
}

interface Placed {
  figure: Figure;
  bubble: Bubble;
  lines: string[];
  font: string;
  box: Box;
}

/**
 * Draws what is said over the heads of those who say it, inside the page and clear of each other and of `taken`. First
 * come those that were said first: they keep their places.
 */
export function drawBubbles(
  context: CanvasRenderingContext2D, spoken: readonly (readonly [Figure, Bubble])[], scale: number, width: number, now: number,
  taken: readonly Box[],
): void {
  const covered = [...taken];
  const placed = spoken.map(([figure, bubble]): Placed => {
    const font = `${bubble.mode === 'emote' ? 'italic' : bubble.mode === 'shout' ? '700' : '400'} 14px ${FONT}`;
    context.font = font;
    const lines = wrap(context, bubble.mode === 'emote' ? `${figure.name} ${bubble.text}` : bubble.text);
    const w = Math.max(...lines.map((text) => context.measureText(text).width)) + 2 * BUBBLE.padX;
    const h = lines.length * BUBBLE.line + 2 * BUBBLE.padY - 2;
    const box = placeBubble(figure, w, h, scale, width, covered);
    covered.push(box);
    return { figure, bubble, lines, font, box };
  });
  context.save();
  // All tails lie under all bubbles: none crosses out what another says.
  for (const each of placed) drawTail(context, each, scale, now);
  for (const each of placed) drawSpeech(context, each, now);
  context.restore();
}

function drawTail(context: CanvasRenderingContext2D, { figure, bubble, box }: Placed, scale: number, now: number): void {
  if (bubble.mode === 'emote') return;
  const root = Math.min(box.x + box.w - 16, Math.max(box.x + 16, figure.px));
  context.globalAlpha = fading(bubble, now);
  context.fillStyle = COLOURS.bubble;
  context.beginPath();
  context.moveTo(root - 6, box.y + box.h - 2);
  context.lineTo(root + 6, box.y + box.h - 2);
  // As far as its speaker, however high others pushed it.
  context.lineTo(figure.px, overHead(figure, scale) + 7);
  context.fill();
}

function drawSpeech(context: CanvasRenderingContext2D, { bubble, lines, font, box }: Placed, now: number): void {
  const { x, y, w, h } = box;
  const emote = bubble.mode === 'emote';
  const shout = bubble.mode === 'shout';
  context.globalAlpha = fading(bubble, now);
  context.fillStyle = emote ? 'rgb(17 17 23 / 85%)' : COLOURS.bubble;
  context.strokeStyle = shout ? COLOURS.shout : 'rgb(0 0 0 / 35%)';
  context.lineWidth = shout ? 3 : 1;
  context.beginPath();
  context.roundRect(x, y, w, h, 10);
  context.stroke();
  context.fill();
  context.font = font;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillStyle = emote ? '#d9d0be' : COLOURS.bubbleText;
  lines.forEach((text, row) => context.fillText(text, x + BUBBLE.padX, y + BUBBLE.padY + (row + 0.5) * BUBBLE.line - 1));
}

/** The lowest free place over the head; of equals the one in the middle. */
function placeBubble(figure: Figure, w: number, h: number, scale: number, width: number, taken: readonly Box[]): Box {
  const foot = overHead(figure, scale);
  let best: Box | undefined;
  for (const part of [0.5, 0.2, 0.8]) {
    const x = Math.min(width - w - 6, Math.max(6, figure.px - w * part));
    const box = { x, y: Math.max(6, aboveOthers({ x, y: foot - h, w, h }, taken)), w, h };
    if (!best || box.y > best.y) best = box;
  }
  return best!;
}

function overHead(figure: Figure, scale: number): number {
  return figure.py - bodyRadius(scale) * 1.15 - 10;
}

function fading(bubble: Bubble, now: number): number {
  return Math.max(0, Math.min(1, (bubble.until - now) / BUBBLE.fadeMs));
}

/** The lowest top edge at or over the wanted one at which a box covers none of the others. */
function aboveOthers(box: Box, others: readonly Box[]): number {
  let { y } = box;
  // From the lowest up: a box that is passed cannot come into the way again.
  for (const other of [...others].sort((a, b) => b.y - a.y)) {
    if (covers({ ...box, y: y - BUBBLE.gap / 2, h: box.h + BUBBLE.gap }, other)) y = other.y - box.h - BUBBLE.gap;
  }
  return y;
}

function wrap(context: CanvasRenderingContext2D, text: string): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(/\s+/).flatMap((long) => pieces(context, long))) {
    const longer = current ? `${current} ${word}` : word;
    if (current && context.measureText(longer).width > BUBBLE.width) {
      lines.push(current);
      current = word;
    } else {
      current = longer;
    }
  }
  lines.push(current);
  if (lines.length <= BUBBLE.lines) return lines;
  return [...lines.slice(0, BUBBLE.lines - 1), `${lines[BUBBLE.lines - 1]!}…`];
}

/** A word that alone is too wide, cut by a generous guess. */
function pieces(context: CanvasRenderingContext2D, word: string): string[] {
  const width = context.measureText(word).width;
  if (width <= BUBBLE.width) return [word];
  const characters = [...word];
  const each = Math.max(1, Math.floor((characters.length * BUBBLE.width) / width));
  const cut: string[] = [];
  for (let i = 0; i < characters.length; i += each) cut.push(characters.slice(i, i + each).join(''));
  return cut;
}
