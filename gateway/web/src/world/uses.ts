// Which verbs ask for more than a click. The wire names verbs without their args, so these are the SDK's own (`zone-api/guest`: trade,
// objects); an author's verbs are used as they are.

import type { Entity } from './model.ts';

/** Sets of verbs that belong together: by them one knows what the SDK offers from what an author has called alike. */
const CONTAINER = ['open', 'close', 'take', 'put'];
const BOARD = ['read', 'post', 'remove'];

/**
 * What using a verb takes: nothing more, or a panel that asks for its args. `none`: the menu is no place for it, because it belongs to the
 * panel that another verb opens, or because there is nothing to be closed.
 */
export function useOf(entity: Pick<Entity, 'kind' | 'verbs' | 'tags'>, verb: string): 'plain' | 'give' | 'board' | 'none' {
  const has = (verbs: readonly string[]): boolean => verbs.every((id) => entity.verbs.some((own) => own.id === id));
  if (verb === 'give' && entity.kind === 'player' && has(['trade'])) return 'give';
  if ((verb === 'take' || verb === 'put') && has(CONTAINER)) return 'none';
  if (verb === 'close' && has(['open']) && entity.tags['open'] === false) return 'none';
  if ((verb === 'read' || verb === 'post') && has(BOARD)) return 'board';
  if (verb === 'remove' && has(BOARD)) return 'none';
  return 'plain';
}
