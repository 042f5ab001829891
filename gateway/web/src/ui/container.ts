// A container that stands open: what is in it, what she carries, and the way between the two.

import type { EntityId } from '../protocol/messages.ts';
import type { Container, Picked, Thing } from '../world/goods.ts';
import { byId } from './dom.ts';
import { button, Panel } from './panel.ts';
import { Picker } from './picker.ts';

export interface ContainerEvents {
  use(container: EntityId, verb: 'take' | 'put' | 'close', things?: Picked[]): void;
  /** The keyboard belongs to the world again. */
  left(): void;
}

export class ContainerPanel {
  readonly #panel: Panel;
  readonly #title = byId('container-title');
  readonly #empty = byId('container-empty');
  readonly #nothing = byId('container-nothing');
  readonly #contents = new Picker(byId('container-contents'), () => this.#refresh());
  readonly #carried = new Picker(byId('container-carried'), () => this.#refresh());
  readonly #take: HTMLButtonElement;
  readonly #put: HTMLButtonElement;
  readonly #events: ContainerEvents;
  #shown: Container | undefined;

  constructor(events: ContainerEvents) {
    this.#events = events;
    this.#panel = new Panel('container', () => this.close(), events.left);
    this.#take = button('Take all', () => {
      const { picks, all } = this.#contents;
      this.#use('take', picks.length > 0 ? picks : all);
    });
    this.#put = button('Put in', () => this.#use('put', this.#carried.picks));
    byId('container-take').append(this.#take);
    byId('container-put').append(this.#put);
    byId('container-acts').append(button('Close it', () => this.close()));
  }

  get open(): boolean {
    return this.#panel.open;
  }

  /** Shows it as it is now; none closes the panel. */
  show(container: Container | undefined, name: string, carried: readonly Thing[]): void {
    const isNew = container !== undefined && container.container !== this.#shown?.container;
    this.#shown = container;
    if (!container) {
      this.#panel.hide();
      return;
    }
    this.#title.textContent = name;
    this.#contents.show(container.things);
    this.#carried.show(carried);
    this.#empty.hidden = container.things.length > 0;
    this.#nothing.hidden = carried.length > 0;
    if (isNew) for (const picker of [this.#contents, this.#carried]) picker.clear();
    this.#refresh();
    this.#panel.show();
    if (isNew) this.#panel.takeFocus();
  }

  /** Asks for it to be closed; it is when the zone says so. */
  close(): void {
    if (this.#shown) this.#events.use(this.#shown.container, 'close');
  }

  #use(verb: 'take' | 'put', things: Picked[]): void {
    if (!this.#shown || things.length === 0) return;
    this.#events.use(this.#shown.container, verb, things);
    for (const picker of [this.#contents, this.#carried]) picker.clear();
    this.#refresh();
  }

  #refresh(): void {
    this.#take.textContent = this.#contents.picks.length > 0 ? 'Take' : 'Take all';
    this.#take.disabled = this.#contents.all.length === 0;
    this.#put.disabled = this.#carried.picks.length === 0;
  }
}
