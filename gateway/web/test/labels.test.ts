import { expect, test } from 'vitest';
import type { Figure } from '../src/render/figures.ts';
import { covers, drawLabels } from '../src/render/labels.ts';

test('names of people side by side cover neither each other nor a body', () => {
  const written: string[] = [];
  const figures = [0, 30, 60].map((px, id) => figure(id, px, 0));
  const taken = drawLabels(context(written), figures, 24);
  expect(written).toEqual(['Person 0', 'Person 1', 'Person 2']);
  taken.forEach((box, at) => {
    for (const other of taken.slice(at + 1)) expect(covers(box, other)).toBe(false);
  });
});

test('in a crowd only as many names are written as find room, and always the player\'s own', () => {
  const written: string[] = [];
  const crowd = Array.from({ length: 100 }, (_, id) => figure(id, (id % 10) * 26, Math.floor(id / 10) * 26));
  crowd[55]!.own = true;
  drawLabels(context(written), crowd, 24);
  expect(written.length).toBeLessThan(crowd.length);
  expect(written).toContain('Person 55');
});

function figure(id: number, px: number, py: number): Figure {
  return {
    id, px, py, h: 0, kind: 'player', name: `Person ${id}`, title: '', colour: '#fff',
    own: false, away: false, ghost: false, marked: false, side: 'below',
  };
}

/** The part of a canvas that is used here; a letter is 8 pixels wide. */
function context(written: string[]): CanvasRenderingContext2D {
  const part = {
    measureText: (text: string) => ({ width: text.length * 8 }),
    strokeText: () => undefined,
    fillText: (text: string) => written.push(text),
  };
  return part as unknown as CanvasRenderingContext2D;
}
