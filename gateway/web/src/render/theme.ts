// The colours of the night.

import type { Entity } from '../world/model.ts';

export const COLOURS = {
  beyond: '#08080c',
  ground: '#1f202b',
  groundLine: 'rgb(255 255 255 / 3%)',
  wall: '#3f4154',
  wallTop: '#7b7f98',
  wallShadow: 'rgb(0 0 0 / 45%)',
  barrierClosed: '#b5573f',
  barrierOpen: 'rgb(181 87 63 / 28%)',
  place: 'rgb(233 228 218 / 14%)',
  placeText: 'rgb(233 228 218 / 42%)',
  portal: '#8f7bff',
  own: '#e2b866',
  npc: '#c8344a',
  object: '#b98a4a',
  target: '#e2b866',
  name: '#f1ece2',
  title: '#a9a299',
  outline: 'rgb(6 6 10 / 88%)',
  bubble: 'rgb(243 238 228 / 96%)',
  bubbleText: '#1a181c',
  shout: '#ffb27a',
} as const;

export const FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif";

/** Grounds that a map's `decor` names; another kind gets the last one. */
export const DECOR: Readonly<Record<string, string>> = {
  road: '#2b2c38',
  street: '#2b2c38',
  pavement: '#20212c',
  sidewalk: '#252632',
  water: '#14385a',
  park: '#1b3327',
  grass: '#1b3327',
  floor: '#33252a',
  carpet: '#5a1f2e',
  rug: '#5a1f2e',
  wood: '#3a2b21',
  stone: '#2d2e3a',
};
export const DECOR_OTHER = '#272833';

/** The body colour of somebody: players by id, so that each keeps her own everywhere. */
export function bodyColour(entity: Pick<Entity, 'id' | 'kind'>): string {
  if (entity.kind === 'npc') return COLOURS.npc;
  if (entity.kind === 'object') return COLOURS.object;
  // Golden angle: neighbours in number are far apart in hue. Reds stay with the NPCs.
  const hue = 150 + ((entity.id * 137.508) % 150);
  return `hsl(${hue} 48% 58%)`;
}
