// How a map's decor looks at night, kind by kind. Everything is drawn in metres, y up; what varies from piece to piece is
// derived from where the piece lies, so that a place looks the same at every visit.

import type { Point } from '../world/map.ts';
import { DECOR_OTHER } from './theme.ts';

type Context = CanvasRenderingContext2D;

/** A rectangle of the map, metres. */
export interface Area {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** One piece of decor, ready to be drawn. */
export interface Piece {
  kind: string;
  path: Path2D;
  box: Area;
}

type Draw = (context: Context, piece: Piece, seen: Area) => void;

export function piece(kind: string, points: readonly Point[]): Piece {
  const path = new Path2D();
  points.forEach(([x, y], index) => (index === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
  path.closePath();
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return { kind, path, box: { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) } };
}

/** Whether a piece rises from the ground, and so is drawn over walls and their shadows. */
export function isRaised({ kind }: Piece): boolean {
  return kind in RAISED;
}

/** Draws a piece as far as it lies in `seen`. */
export function drawPiece(context: Context, piece: Piece, seen: Area): void {
  context.save();
  (RAISED[piece.kind] ?? FLAT[piece.kind] ?? plain(DECOR_OTHER))(context, piece, seen);
  context.restore();
}

/** Draws the kerbs of roads, to be called before the roads: where two meet, the one's asphalt covers the other's kerb. */
export function drawKerbs(context: Context, pieces: readonly Piece[]): void {
  context.strokeStyle = '#474a5e';
  context.lineWidth = 0.6;
  for (const { kind, path } of pieces) if (kind === 'road') context.stroke(path);
}

/** Adds the light that a piece gives, to be called once everything dark is drawn. */
export function lightPiece(context: Context, { kind, box }: Piece): void {
  const light = LIGHTS[kind];
  if (!light) return;
  const { x, y } = middle(box);
  const radius = light.radius + Math.max(box.x1 - box.x0, box.y1 - box.y0) / 2;
  const glow = context.createRadialGradient(x, y, 0, x, y, radius);
  glow.addColorStop(0, `rgb(${light.colour} / ${light.strength}%)`);
  glow.addColorStop(0.45, `rgb(${light.colour} / ${light.strength * 0.34}%)`);
  glow.addColorStop(1, `rgb(${light.colour} / 0%)`);
  context.fillStyle = glow;
  context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
}

const LIGHTS: Readonly<Record<string, { colour: string; radius: number; strength: number }>> = {
  lamp: { colour: '255 190 112', radius: 6.5, strength: 62 },
  table: { colour: '255 176 96', radius: 2.6, strength: 40 },
  bar: { colour: '255 160 90', radius: 3, strength: 34 },
  stage: { colour: '235 110 140', radius: 4, strength: 26 },
  water: { colour: '90 170 230', radius: 2.5, strength: 26 },
};

const FLAT: Readonly<Record<string, Draw>> = {
  ground: plain('#1b1d26'),
  grass: lawn('#1a3024', '#28482f', 0.55),
  park: lawn('#1c3627', '#2c5036', 0.8),
  pavement(context, { path, box }, seen) {
    fill(context, path, '#2b2d39');
    context.clip(path);
    courses(context, common(box, seen), 1.5, 1, 'rgb(0 0 0 / 22%)');
  },
  plaza(context, { path, box }, seen) {
    fill(context, path, '#34333f');
    context.clip(path);
    eachCell(common(box, seen), 2, (x, y, random) => {
      context.fillStyle = `rgb(255 240 220 / ${(Math.floor(x / 2 + y / 2) % 2 === 0 ? 3.5 : 0) + random * 2.5}%)`;
      context.fillRect(x, y, 2, 2);
    });
    edge(context, path, 'rgb(255 240 220 / 12%)', 0.3);
  },
  road(context, { path, box }) {
    fill(context, path, '#20222b');
    context.clip(path);
    const { x, y } = middle(box);
    context.strokeStyle = 'rgb(236 205 140 / 42%)';
    context.lineWidth = 0.16;
    context.setLineDash([2, 2.4]);
    if (wide(box)) stroke(context, box.x0, y, box.x1, y);
    else stroke(context, x, box.y0, x, box.y1);
  },
  crossing(context, { path, box }) {
    fill(context, path, '#20222b');
    context.fillStyle = 'rgb(226 224 214 / 42%)';
    const [length, across] = wide(box) ? [box.x1 - box.x0, box.y1 - box.y0] : [box.y1 - box.y0, box.x1 - box.x0];
    // The bars lie along the traffic, that is across the way of those on foot.
    for (let at = 0.3; at + 0.55 <= length; at += 1.1) {
      if (wide(box)) context.fillRect(box.x0 + at, box.y0 + 0.1, 0.55, across - 0.2);
      else context.fillRect(box.x0 + 0.1, box.y0 + at, across - 0.2, 0.55);
    }
  },
  floor(context, { path, box }, seen) {
    fill(context, path, '#46332b');
    context.clip(path);
    const area = common(box, seen);
    // Planks of 4 m by half a metre, no two beside each other quite alike.
    for (let row = Math.floor(area.y0 / PLANK.width); row * PLANK.width < area.y1; row += 1) {
      const shift = chance(row, 7) * PLANK.length;
      for (let x = Math.floor(area.x0 / PLANK.length - 1) * PLANK.length + shift; x < area.x1; x += PLANK.length) {
        const random = chance(x, row);
        context.fillStyle = random < 0.5 ? `rgb(0 0 0 / ${Math.round(random * 24)}%)` : `rgb(255 196 140 / ${Math.round((random - 0.5) * 10)}%)`;
        context.fillRect(x + 0.03, row * PLANK.width + 0.03, PLANK.length - 0.03, PLANK.width - 0.03);
      }
    }
    edge(context, path, 'rgb(0 0 0 / 30%)', 0.4);
  },
  carpet(context, { path, box }, seen) {
    fill(context, path, '#6a1f33');
    context.clip(path);
    context.fillStyle = 'rgb(255 170 150 / 8%)';
    eachCell(common(box, seen), 1, (x, y) => {
      context.beginPath();
      context.moveTo(x + 0.5, y + 0.22);
      context.lineTo(x + 0.72, y + 0.5);
      context.lineTo(x + 0.5, y + 0.78);
      context.lineTo(x + 0.28, y + 0.5);
      context.fill();
    });
    edge(context, path, 'rgb(226 184 102 / 62%)', 0.5);
    edge(context, path, '#6a1f33', 0.4);
    edge(context, path, '#3f1220', 0.16);
  },
  stage(context, { path, box }, seen) {
    fill(context, path, '#5b3b28');
    context.clip(path);
    const area = common(box, seen);
    context.strokeStyle = 'rgb(0 0 0 / 30%)';
    context.lineWidth = 0.05;
    for (let x = Math.floor(area.x0 / 0.4) * 0.4; x < area.x1; x += 0.4) stroke(context, x, area.y0, x, area.y1);
    edge(context, path, '#2c1b14', 0.28);
    edge(context, path, 'rgb(255 205 140 / 55%)', 0.1);
  },
  rail(context, { path, box }) {
    fill(context, path, '#17181f');
    context.clip(path);
    const flat = wide(box);
    const length = flat ? box.x1 - box.x0 : box.y1 - box.y0;
    const across = flat ? box.y1 - box.y0 : box.x1 - box.x0;
    // From here on along x, whichever way the rails run.
    context.translate(box.x0, box.y0);
    if (!flat) context.transform(0, 1, 1, 0, 0, 0);
    context.fillStyle = '#3a2c24';
    for (let at = 0.15; at < length; at += 0.6) context.fillRect(at, across * 0.12, 0.26, across * 0.76);
    context.fillStyle = '#8d93a8';
    for (const rail of [0.28, 0.68]) context.fillRect(0, across * rail, length, 0.12);
  },
  water(context, { path, box }) {
    const { x, y } = middle(box);
    const radius = Math.max(box.x1 - box.x0, box.y1 - box.y0) / 2;
    const depth = context.createRadialGradient(x, y, 0, x, y, radius);
    depth.addColorStop(0, '#3a8dbb');
    depth.addColorStop(0.55, '#1f5c86');
    depth.addColorStop(1, '#143c5d');
    context.strokeStyle = '#15161d';
    context.lineWidth = 0.9;
    context.lineJoin = 'round';
    context.stroke(path);
    context.fillStyle = depth;
    context.fill(path);
    context.clip(path);
    context.strokeStyle = 'rgb(190 228 250 / 26%)';
    context.lineWidth = 0.07;
    for (let ring = 0.25; ring < 1; ring += 0.22) {
      context.beginPath();
      context.arc(x, y, radius * ring, ring * 7, ring * 7 + 4.4);
      context.stroke();
    }
    edge(context, path, '#7f8298', 0.34);
    edge(context, path, '#a9acbd', 0.12);
  },
  sea(context, { path, box }, seen) {
    fill(context, path, '#0c1c2b');
    context.clip(path);
    context.strokeStyle = 'rgb(150 196 226 / 20%)';
    context.lineWidth = 0.08;
    context.lineCap = 'round';
    context.beginPath();
    eachCell(common(box, seen), 3, (x, y, random) => {
      if (random > 0.6) return;
      const length = 0.6 + random * 2;
      const [wx, wy] = [x + random * 1.5, y + ((random * 11.3) % 3)];
      context.moveTo(wx, wy);
      context.quadraticCurveTo(wx + length / 2, wy + 0.25, wx + length, wy);
    });
    context.stroke();
  },
};

const RAISED: Readonly<Record<string, Draw>> = {
  bar(context, { path, box }) {
    shadow(context, path, 0.3);
    fill(context, path, '#4a2c1c');
    edge(context, path, '#87583a', 0.16);
    const flat = wide(box);
    const length = flat ? box.x1 - box.x0 : box.y1 - box.y0;
    const { x, y } = middle(box);
    for (let at = 0.7; at < length - 0.4; at += 0.55) {
      const random = chance(box.x0 + at, box.y0);
      if (random < 0.3) continue;
      context.fillStyle = GLASSES[Math.floor(random * 97) % GLASSES.length]!;
      const side = (random - 0.65) * 0.7;
      disc(context, flat ? box.x0 + at : x + side, flat ? y + side : box.y0 + at, 0.1);
    }
  },
  table(context, { path, box }) {
    shadow(context, path, 0.25);
    fill(context, path, '#6b4529');
    edge(context, path, '#96683f', 0.14);
    const { x, y } = middle(box);
    context.fillStyle = '#d9c7a4';
    disc(context, x, y, 0.17);
    context.fillStyle = '#fff0c4';
    disc(context, x, y, 0.1);
  },
  bench(context, { path, box }) {
    shadow(context, path, 0.2);
    fill(context, path, '#59402c');
    context.clip(path);
    context.strokeStyle = 'rgb(0 0 0 / 40%)';
    context.lineWidth = 0.06;
    for (const part of [1 / 3, 2 / 3]) {
      if (wide(box)) stroke(context, box.x0, box.y0 + (box.y1 - box.y0) * part, box.x1, box.y0 + (box.y1 - box.y0) * part);
      else stroke(context, box.x0 + (box.x1 - box.x0) * part, box.y0, box.x0 + (box.x1 - box.x0) * part, box.y1);
    }
    edge(context, path, '#7d5f44', 0.08);
  },
  tree(context, { box }) {
    const { x, y } = middle(box);
    const radius = (box.x1 - box.x0) / 2;
    const turn = chance(x, y) * 6.28;
    context.fillStyle = 'rgb(0 0 0 / 38%)';
    disc(context, x + 0.35, y - 0.45, radius * 1.02);
    const lobes = (colour: string, ring: number, size: number, lift: number): void => {
      context.fillStyle = colour;
      for (let i = 0; i < 7; i += 1) {
        const angle = turn + (i * 2 * Math.PI) / 7;
        const far = ring * radius * (0.86 + 0.28 * chance(x + i, y - i));
        disc(context, x + Math.cos(angle) * far - lift, y + Math.sin(angle) * far + lift, radius * size);
      }
    };
    lobes('#16301f', 0.62, 0.42, 0);
    lobes('#234a2f', 0.48, 0.38, 0.06);
    lobes('#30623c', 0.3, 0.26, 0.16);
    context.fillStyle = 'rgb(150 210 140 / 16%)';
    disc(context, x - radius * 0.28, y + radius * 0.3, radius * 0.3);
  },
  lamp(context, { box }) {
    const { x, y } = middle(box);
    context.fillStyle = 'rgb(0 0 0 / 45%)';
    disc(context, x + 0.16, y - 0.2, 0.34);
    context.fillStyle = '#2a2b33';
    disc(context, x, y, 0.36);
    context.fillStyle = '#ffdf9e';
    disc(context, x, y, 0.24);
    context.fillStyle = '#fffaea';
    disc(context, x, y, 0.12);
  },
  car(context, { box }) {
    const random = chance(box.x0, box.y0);
    const { x, y } = middle(box);
    const flat = wide(box);
    const length = flat ? box.x1 - box.x0 : box.y1 - box.y0;
    const width = flat ? box.y1 - box.y0 : box.x1 - box.x0;
    context.fillStyle = 'rgb(0 0 0 / 45%)';
    rounded(context, box.x0 + 0.15, box.y0 - 0.22, box.x1 - box.x0, box.y1 - box.y0, 0.5);
    context.translate(x, y);
    // Half of them are parked the other way round.
    context.rotate((flat ? 0 : Math.PI / 2) + (random < 0.5 ? Math.PI : 0));
    context.fillStyle = CARS[Math.floor(random * 89) % CARS.length]!;
    rounded(context, -length / 2, -width / 2, length, width, 0.55);
    context.fillStyle = '#0d1017';
    rounded(context, -length * 0.3, -width * 0.4, length * 0.56, width * 0.8, 0.35);
    context.fillStyle = 'rgb(255 255 255 / 16%)';
    rounded(context, -length * 0.17, -width * 0.37, length * 0.28, width * 0.74, 0.25);
    for (const side of [-0.32, 0.32]) {
      context.fillStyle = '#fff0c8';
      disc(context, length * 0.47, width * side, 0.12);
      context.fillStyle = '#c8344a';
      disc(context, -length * 0.47, width * side, 0.11);
    }
  },
  roof(context, { path, box }, seen) {
    shadow(context, path, 0.9);
    fill(context, path, '#262834');
    context.clip(path);
    courses(context, common(box, seen), 6, 3, 'rgb(255 255 255 / 4%)');
    eachCell(common(box, seen), 5, (x, y, random) => {
      if (random > 0.36) return;
      const size = 0.8 + random * 2.2;
      context.fillStyle = 'rgb(0 0 0 / 40%)';
      context.fillRect(x + 1.2, y + 0.8, size * 1.3, size);
      context.fillStyle = '#3d4052';
      context.fillRect(x + 1, y + 1, size * 1.3, size);
      context.fillStyle = '#4d5165';
      context.fillRect(x + 1.15, y + 1.15, size * 1.3 - 0.3, size - 0.3);
    });
    edge(context, path, '#4a4e63', 0.5);
    edge(context, path, '#6d728c', 0.14);
    // The windows beneath, lit here and there.
    context.setLineDash([1.1, 2.7, 0.7, 4.1, 1.1, 6.3]);
    edge(context, path, 'rgb(255 206 128 / 80%)', 0.16);
  },
  container(context, { path, box }) {
    shadow(context, path, 0.8);
    fill(context, path, CONTAINERS[Math.floor(chance(box.x0, box.y0) * 83) % CONTAINERS.length]!);
    context.clip(path);
    ribs(context, box, 0.6, 'rgb(0 0 0 / 26%)');
    edge(context, path, 'rgb(0 0 0 / 45%)', 0.24);
    edge(context, path, 'rgb(255 255 255 / 22%)', 0.09);
  },
  crate(context, { path, box }) {
    shadow(context, path, 0.35);
    fill(context, path, '#5d4630');
    context.clip(path);
    ribs(context, box, 0.5, 'rgb(0 0 0 / 38%)');
    edge(context, path, '#7f6244', 0.14);
  },
  hull(context, { path, box }, seen) {
    shadow(context, path, 0.6);
    fill(context, path, '#262932');
    context.clip(path);
    courses(context, common(box, seen), 4, 2, 'rgb(255 255 255 / 5%)');
    edge(context, path, '#5a1d29', 0.55);
    edge(context, path, '#9aa0b4', 0.12);
  },
  crane(context, { path, box }) {
    shadow(context, path, 1.2);
    fill(context, path, '#8a651f');
    context.clip(path);
    ribs(context, box, 0.8, 'rgb(0 0 0 / 45%)');
    edge(context, path, '#c79a3d', 0.14);
  },
};

/** A plank of a floor, metres. */
const PLANK = { length: 4, width: 0.5 } as const;
const GLASSES = ['#e2b866', '#7fb58a', '#c8344a', '#d8d3c6', '#8aa4d6'] as const;
const CONTAINERS = ['#5b2b2e', '#2b4257', '#37503f', '#6b5526', '#4b4d58'] as const;
const CARS = ['#6a2430', '#27384f', '#4a4d57', '#8a6a1f', '#1f3a36', '#5a5560'] as const;

function plain(colour: string): Draw {
  return (context, { path }) => fill(context, path, colour);
}

/** Grass of `base`, with blades of `blade` on the given share of its square metres. */
function lawn(base: string, blade: string, share: number): Draw {
  return (context, { path, box }, seen) => {
    fill(context, path, base);
    context.clip(path);
    context.strokeStyle = blade;
    context.lineWidth = 0.07;
    context.lineCap = 'round';
    context.beginPath();
    eachCell(common(box, seen), 1, (x, y, random) => {
      if (random > share) return;
      const bx = x + ((random * 7.3) % 1);
      const by = y + ((random * 13.7) % 1);
      for (const lean of [-0.16, 0, 0.14]) {
        context.moveTo(bx + lean * 0.6, by);
        context.lineTo(bx + lean * 1.6, by + 0.3 - Math.abs(lean) * 0.6);
      }
    });
    context.stroke();
  };
}

/** Lines across the longer side, one every `step` metres. */
function ribs(context: Context, box: Area, step: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 0.1;
  const [from, to] = wide(box) ? [box.x0, box.x1] : [box.y0, box.y1];
  for (let at = from + step; at < to; at += step) {
    if (wide(box)) stroke(context, at, box.y0, at, box.y1);
    else stroke(context, box.x0, at, box.x1, at);
  }
}

/** Slabs or planks: rows of `height`, in each a joint every `length`, every other row shifted by a half. */
function courses(context: Context, area: Area, length: number, height: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 0.04;
  context.beginPath();
  for (let row = Math.floor(area.y0 / height); row * height < area.y1; row += 1) {
    const y = row * height;
    context.moveTo(area.x0, y);
    context.lineTo(area.x1, y);
    const shift = row % 2 === 0 ? 0 : length / 2;
    for (let x = Math.floor(area.x0 / length) * length + shift; x < area.x1; x += length) {
      context.moveTo(x, y);
      context.lineTo(x, y + height);
    }
  }
  context.stroke();
}

/** A line of this width along the inside of a path. */
function edge(context: Context, path: Path2D, colour: string, width: number): void {
  context.save();
  context.clip(path);
  context.strokeStyle = colour;
  context.lineWidth = 2 * width;
  context.stroke(path);
  context.restore();
}

function shadow(context: Context, path: Path2D, height: number): void {
  context.save();
  context.translate(height * 0.7, -height);
  fill(context, path, 'rgb(0 0 0 / 42%)');
  context.restore();
}

function fill(context: Context, path: Path2D, colour: string): void {
  context.fillStyle = colour;
  context.fill(path);
}

function stroke(context: Context, ax: number, ay: number, bx: number, by: number): void {
  context.beginPath();
  context.moveTo(ax, ay);
  context.lineTo(bx, by);
  context.stroke();
}

function disc(context: Context, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function rounded(context: Context, x: number, y: number, width: number, height: number, radius: number): void {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
  context.fill();
}

function middle({ x0, y0, x1, y1 }: Area): { x: number; y: number } {
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
}

function wide({ x0, y0, x1, y1 }: Area): boolean {
  return x1 - x0 >= y1 - y0;
}

/** What two areas have in common; of areas apart, one that holds nothing. */
function common(a: Area, b: Area): Area {
  return { x0: Math.max(a.x0, b.x0), y0: Math.max(a.y0, b.y0), x1: Math.min(a.x1, b.x1), y1: Math.min(a.y1, b.y1) };
}

/** Every cell of a grid that an area touches, with its own number from 0 to 1. */
function eachCell(area: Area, size: number, visit: (x: number, y: number, random: number) => void): void {
  for (let y = Math.floor(area.y0 / size) * size; y < area.y1; y += size) {
    for (let x = Math.floor(area.x0 / size) * size; x < area.x1; x += size) visit(x, y, chance(x, y));
  }
}

/** A number from 0 to 1 that looks random, the same for the same place. */
function chance(x: number, y: number): number {
  const value = Math.sin(x * 127.1 + y * 311.7) * 43758.5453;
  return value - Math.floor(value);
}
