// What one can do with somebody or something: a small menu at the pointer.

import type { Entity } from '../world/model.ts';
import { useOf } from '../world/uses.ts';
import { byId, make } from './dom.ts';

export interface MenuEvents {
  interact(entity: Entity, verb: string): void;
  whisper(name: string): void;
  /** Distance to an entity, metres. */
  distance(entity: Entity): number;
  /** The menu is gone; the keyboard belongs to the world again. */
  closed(): void;
}

export class Menu {
  readonly #box = byId('menu');
  readonly #events: MenuEvents;
  #entity: Entity | undefined;

  constructor(events: MenuEvents) {
    this.#events = events;
    this.#box.addEventListener('keydown', (event) => this.#key(event));
    // On the way down to its target: the press that opens a menu must not be the one that closes it.
    document.addEventListener('pointerdown', (event) => {
      if (this.#entity && !this.#box.contains(event.target as Node)) this.close();
    }, { capture: true });
  }

  get open(): boolean {
    return this.#entity !== undefined;
  }

  /** Opens near a point of the page. */
  show(entity: Entity, x: number, y: number): void {
    this.#entity = entity;
    const title = make('p', '', entity.name || 'Something');
    const role = typeof entity.tags['title'] === 'string' ? entity.tags['title'] : '';
    if (role) title.append(make('small', '', role));
    const buttons = entity.verbs.filter(({ id }) => useOf(entity, id) !== 'none').map((verb) => {
      const button = this.#button(verb.label, () => this.#events.interact(entity, verb.id));
      button.dataset['reach'] = String(verb.reach);
      return button;
    });
    if (entity.kind === 'player') buttons.push(this.#button('Whisper…', () => this.#events.whisper(entity.name)));
    if (buttons.length === 0) title.append(make('small', '', 'There is nothing to do here.'));
    this.#box.replaceChildren(title, ...buttons);
    this.#box.setAttribute('aria-label', entity.name);
    this.#box.hidden = false;
    const { width, height } = this.#box.getBoundingClientRect();
    this.#box.style.left = `${Math.max(8, Math.min(x + 10, innerWidth - width - 8))}px`;
    this.#box.style.top = `${Math.max(8, Math.min(y - 12, innerHeight - height - 8))}px`;
    this.refresh();
    // With nothing in reach the box itself takes the focus, so that Escape closes it.
    (this.#enabled()[0] ?? this.#box).focus();
  }

  /** Reach changes as people walk; call now and then. A menu whose entity `is gone` closes. */
  refresh(gone = false): void {
    if (!this.#entity) return;
    if (gone) {
      this.close();
      return;
    }
    const distance = this.#events.distance(this.#entity);
    for (const button of this.#box.querySelectorAll<HTMLButtonElement>('button[data-reach]')) {
      const far = distance > Number(button.dataset['reach']);
      if (button.disabled === far) continue;
      button.disabled = far;
      button.querySelector('small')?.remove();
      if (far) button.append(make('small', '', 'too far'));
    }
  }

  get entity(): Entity | undefined {
    return this.#entity;
  }

  close(): void {
    if (!this.#entity) return;
    this.#entity = undefined;
    const hadFocus = this.#box.contains(document.activeElement);
    this.#box.hidden = true;
    if (hadFocus) this.#events.closed();
  }

  #button(label: string, act: () => void): HTMLButtonElement {
    const button = make('button', '', label);
    button.type = 'button';
    button.setAttribute('role', 'menuitem');
    button.addEventListener('click', () => {
      this.close();
      act();
    });
    return button;
  }

  #key(event: KeyboardEvent): void {
    const items = this.#enabled();
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      this.close();
    } else if (by !== undefined && items.length > 0) {
      event.preventDefault();
      items[(at + by + items.length) % items.length]!.focus();
    } else if (event.key !== 'Enter' && event.key !== ' ') {
      return;
    }
    event.stopPropagation();
  }

  #enabled(): HTMLButtonElement[] {
    return [...this.#box.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')];
  }
}
