// Something is handed to somebody: what, and how many.

import type { EntityId } from '../protocol/messages.ts';
import type { Picked, Thing } from '../world/goods.ts';
import type { Entity } from '../world/model.ts';
import { byId } from './dom.ts';
import { button, Panel } from './panel.ts';
import { Picker } from './picker.ts';

export interface GiveEvents {
  give(to: EntityId, things: Picked[]): void;
  /** The keyboard belongs to the world again. */
  left(): void;
}

export class GivePanel {
  readonly #panel: Panel;
  readonly #title = byId('give-title');
  readonly #nothing = byId('give-nothing');
  readonly #picker = new Picker(byId('give-things'), () => this.#refresh());
  readonly #give: HTMLButtonElement;
  #to: EntityId | undefined;

  constructor(events: GiveEvents) {
    this.#panel = new Panel('give', () => this.close(), events.left);
    this.#give = button('Give', () => {
      const [to, picks] = [this.#to, this.#picker.picks];
      if (to === undefined || picks.length === 0) return;
      this.close();
      events.give(to, picks);
    }, 'main');
    byId('give-acts').append(this.#give, button('Never mind', () => this.close()));
  }

  get open(): boolean {
    return this.#panel.open;
  }

  show(to: Entity, things: readonly Thing[]): void {
    this.#to = to.id;
    this.#title.textContent = `Give to ${to.name}`;
    this.#picker.clear();
    this.carried(things);
    this.#panel.show();
    this.#panel.takeFocus();
  }

  /** What she carries has changed meanwhile. */
  carried(things: readonly Thing[]): void {
    this.#picker.show(things);
    this.#nothing.hidden = things.length > 0;
    this.#refresh();
  }

  close(): void {
    this.#to = undefined;
    this.#panel.hide();
  }

  #refresh(): void {
    this.#give.disabled = this.#picker.picks.length === 0;
  }
}
