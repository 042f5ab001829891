// Who is near, as a list of buttons: the way to everybody without a pointer.

import type { EntityId } from '../protocol/messages.ts';
import type { Entity } from '../world/model.ts';
import { byId, make } from './dom.ts';

/** Entries shown; the nearest win. */
const MAX_ENTRIES = 40;

interface Row {
  item: HTMLLIElement;
  who: HTMLElement;
  far: HTMLElement;
}

export class Nearby {
  readonly #panel = byId<HTMLDetailsElement>('nearby');
  readonly #list = byId('nearby-list');
  readonly #count = byId('nearby-count');
  readonly #rows = new Map<EntityId, Row>();
  readonly #opened: (id: EntityId, button: HTMLElement) => void;

  /** `opened`: somebody was chosen. */
  constructor(opened: (id: EntityId, button: HTMLElement) => void) {
    this.#opened = opened;
    this.#panel.open = matchMedia('(min-width: 721px)').matches;
  }

  show(visible: boolean): void {
    this.#panel.hidden = !visible;
  }

  /** Brings the list up to date; rows keep their elements, so that the focus stays where it is. */
  refresh(entities: ReadonlyMap<EntityId, Entity>, distance: (entity: Entity) => number): void {
    this.#count.textContent = `(${entities.size})`;
    if (!this.#panel.open) return;
    const near = [...entities.values()]
      .map((entity) => ({ entity, metres: distance(entity) }))
      .sort((a, b) => a.metres - b.metres)
      .slice(0, MAX_ENTRIES);
    const kept = new Set(near.map(({ entity }) => entity.id));
    for (const [id, row] of this.#rows) {
      if (kept.has(id)) continue;
      row.item.remove();
      this.#rows.delete(id);
    }
    const focusInside = this.#list.contains(document.activeElement);
    near.forEach(({ entity, metres }, place) => {
      const row = this.#rows.get(entity.id) ?? this.#add(entity.id);
      row.item.className = entity.kind;
      setText(row.who, entity.name || 'something');
      setText(row.far, `${Math.round(metres)} m`);
      const there = this.#list.children[place];
      // Moving a row takes its focus away; while somebody walks the list by keyboard it keeps its order.
      if (there !== row.item && !focusInside) this.#list.insertBefore(row.item, there ?? null);
    });
  }

  #add(id: EntityId): Row {
    const item = make('li');
    const button = make('button');
    button.type = 'button';
    const who = make('span', 'who');
    const far = make('span', 'far');
    button.append(who, far);
    button.addEventListener('click', () => this.#opened(id, button));
    item.append(button);
    this.#list.append(item);
    const row = { item, who, far };
    this.#rows.set(id, row);
    return row;
  }
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
