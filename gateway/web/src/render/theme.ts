// The colours of the night.

import type { Entity } from '../world/model.ts';

export const COLOURS = {
  beyond: '#08080c',
  ground: '#1f202b',
  wall: '#565970',
  wallFace: '#2c2d3b',
  wallTop: '#8e92ad',
  wallShadow: 'rgb(0 0 0 / 38%)',
  barrierClosed: '#8f4a32',
  barrierEdge: '#d98a5f',
  barrierSill: 'rgb(217 138 95 / 12%)',
  barrierOpen: 'rgb(217 138 95 / 55%)',
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

export const SKIN = ['#e8c4a0', '#f0d6bd', '#b98563', '#8a5a3c', '#d9cfd6'] as const;
export const HAIR = ['#4a3530', '#6a4630', '#33313c', '#8a6238', '#a3a0a8', '#7c3430', '#c9a86a'] as const;

/** A kind of decor that this page does not know. */
export const DECOR_OTHER = '#2b2d39';

/** The body colour of somebody: players by id, so that each keeps her own everywhere. */
export function bodyColour(entity: Pick<Entity, 'id' | 'kind'>): string {
  if (entity.kind === 'npc') return COLOURS.npc;
  if (entity.kind === 'object') return COLOURS.object;
  // Golden angle: neighbours in number are far apart in hue. Reds stay with the NPCs.
  const hue = 150 + ((entity.id * 137.508) % 150);
  return `hsl(${hue} 48% 58%)`;
}
