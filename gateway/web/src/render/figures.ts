// Those who walk the map: bodies, names, and what they say.

import type { Bubble } from '../world/model.ts';
import type { Kind } from '../protocol/messages.ts';
import { COLOURS, FONT } from './theme.ts';

/** Size of a body, metres. */
export const BODY_M = 0.46;
/** Smallest body on the screen, pixels: still visible when zoomed out. */
const BODY_MIN_PX = 7;
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
  own: boolean;
  away: boolean;
  ghost: boolean;
  marked: boolean;
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
  context.fillStyle = 'rgb(0 0 0 / 40%)';
  context.beginPath();
  context.ellipse(px + r * 0.25, py + r * 0.4, r * 1.05, r * 0.85, 0, 0, 2 * Math.PI);
  context.fill();
  if (figure.own || figure.marked) {
    context.strokeStyle = figure.own ? 'rgb(226 184 102 / 55%)' : 'rgb(255 255 255 / 60%)';
    context.lineWidth = 2;
    context.beginPath();
    context.arc(px, py, r + 5, 0, 2 * Math.PI);
    context.stroke();
  }
  context.fillStyle = figure.colour;
  context.strokeStyle = COLOURS.outline;
  context.lineWidth = 2;
  context.beginPath();
  if (figure.kind === 'object') {
    context.roundRect(px - r * 0.8, py - r * 0.8, r * 1.6, r * 1.6, r * 0.3);
  } else {
    // A round body with a nose, so that one sees where somebody looks.
    const nose = 0.55;
    const heading = -figure.h;
    context.arc(px, py, r, heading + nose, heading - nose + 2 * Math.PI);
    context.lineTo(px + Math.cos(heading) * r * 1.5, py + Math.sin(heading) * r * 1.5);
    context.closePath();
  }
  context.fill();
  context.stroke();
  context.fillStyle = 'rgb(255 255 255 / 18%)';
  context.beginPath();
  context.arc(px - r * 0.25, py - r * 0.3, r * 0.45, 0, 2 * Math.PI);
  context.fill();
  context.restore();
}

export function drawName(context: CanvasRenderingContext2D, figure: Figure, scale: number): void {
  const below = figure.py + bodyRadius(scale) + 8;
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.lineJoin = 'round';
  context.lineWidth = 3.5;
  context.strokeStyle = COLOURS.outline;
  context.globalAlpha = figure.away ? 0.55 : 1;
  const write = (text: string, y: number, font: string, colour: string): void => {
    context.font = font;
    context.fillStyle = colour;
    context.strokeText(text, figure.px, y);
    context.fillText(text, figure.px, y);
  };
  const name = figure.away ? `${figure.name} (away)` : figure.name;
  write(name, below, `600 13.5px ${FONT}`, figure.own ? COLOURS.own : COLOURS.name);
  if (figure.title) write(figure.title, below + 16, `12px ${FONT}`, COLOURS.title);
  context.globalAlpha = 1;
}

/** Where a bubble lies on the page, pixels. */
export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/**
 * Draws a line over somebody's head, kept inside the page and above the bubbles in `taken`; answers where it lies.
 */
export function drawBubble(
  context: CanvasRenderingContext2D, figure: Figure, bubble: Bubble, scale: number, width: number, now: number, taken: readonly Box[],
): Box {
  const emote = bubble.mode === 'emote';
  const shout = bubble.mode === 'shout';
  context.save();
  context.globalAlpha = Math.min(1, (bubble.until - now) / BUBBLE.fadeMs);
  context.font = `${emote ? 'italic' : shout ? '700' : '400'} 14px ${FONT}`;
  const lines = wrap(context, emote ? `${figure.name} ${bubble.text}` : bubble.text);
  const w = Math.max(...lines.map((text) => context.measureText(text).width)) + 2 * BUBBLE.padX;
  const h = lines.length * BUBBLE.line + 2 * BUBBLE.padY - 2;
  const x = Math.min(width - w - 6, Math.max(6, figure.px - w / 2));
  const foot = figure.py - bodyRadius(scale) * 1.5 - 8;
  const y = Math.max(6, aboveOthers({ x, y: foot - h, w, h }, taken));
  context.fillStyle = emote ? 'rgb(17 17 23 / 85%)' : COLOURS.bubble;
  context.strokeStyle = shout ? COLOURS.shout : 'rgb(0 0 0 / 35%)';
  context.lineWidth = shout ? 3 : 1;
  context.beginPath();
  context.roundRect(x, y, w, h, 10);
  context.stroke();
  context.fill();
  if (!emote) {
    const tip = Math.min(x + w - 16, Math.max(x + 16, figure.px));
    context.beginPath();
    context.moveTo(tip - 6, y + h - 0.5);
    context.lineTo(tip + 6, y + h - 0.5);
    context.lineTo(tip, y + h + 7);
    context.fill();
  }
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillStyle = emote ? '#d9d0be' : COLOURS.bubbleText;
  lines.forEach((text, row) => context.fillText(text, x + BUBBLE.padX, y + BUBBLE.padY + (row + 0.5) * BUBBLE.line - 1));
  context.restore();
  return { x, y, w, h };
}

/** The lowest top edge at or over the wanted one at which a box covers none of the others. */
function aboveOthers(box: Box, others: readonly Box[]): number {
  let { y } = box;
  // From the lowest up: a box that is passed cannot come into the way again.
  for (const other of [...others].sort((a, b) => b.y - a.y)) {
    const beside = box.x + box.w <= other.x || other.x + other.w <= box.x;
    if (!beside && y < other.y + other.h + BUBBLE.gap && other.y < y + box.h + BUBBLE.gap) y = other.y - box.h - BUBBLE.gap;
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
