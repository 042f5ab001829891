// What the player carries, as a list that folds away.

import { thingText } from '../world/goods.ts';
import type { Thing } from '../world/goods.ts';
import { byId, make } from './dom.ts';

export class Carried {
  readonly #panel = byId<HTMLDetailsElement>('carried');
  readonly #summary = byId('carried-summary');
  readonly #count = byId('carried-count');
  readonly #note = byId('carried-note');
  readonly #list = byId('carried-list');

  constructor() {
    this.#panel.open = matchMedia('(min-width: 721px)').matches;
  }

  /** None: she is where nobody knows of goods. `elsewhere`: the place that keeps them for her, if this one does not know them. */
  show(things: readonly Thing[] | undefined, elsewhere: string | undefined): void {
    this.#panel.hidden = things === undefined || (elsewhere !== undefined && things.length === 0);
    if (!things) return;
    this.#count.textContent = `(${things.length})`;
    this.#note.textContent = elsewhere !== undefined ? `Of use at ${elsewhere}; it stays yours meanwhile.` : things.length === 0 ? 'Nothing yet.' : '';
    this.#list.replaceChildren(...things.map((thing) => make('li', '', thingText(thing))));
  }

  /** Unfolds it for the keyboard, or folds it again; answers whether there is one. */
  toggle(): boolean {
    if (this.#panel.hidden) return false;
    this.#panel.open = !this.#panel.open;
    if (this.#panel.open) this.#summary.focus();
    return true;
  }
}
