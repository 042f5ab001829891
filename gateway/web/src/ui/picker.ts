// A list of things to choose from: a box to tick for each, or a number where there are several of it.

import type { Picked, Thing } from '../world/goods.ts';
import { make } from './dom.ts';

/** Most things that a verb moves at once. */
const THINGS_AT_ONCE = 16;

interface Row {
  item: HTMLLIElement;
  input: HTMLInputElement;
  of: HTMLElement;
  thing: Thing;
  /** Being typed: not yet what she means. */
  typing: boolean;
}

export class Picker {
  readonly #list: HTMLElement;
  readonly #changed: () => void;
  readonly #rows = new Map<string, Row>();

  /** `changed`: she has chosen otherwise. */
  constructor(list: HTMLElement, changed: () => void) {
    this.#list = list;
    this.#changed = changed;
  }

  /** Shows these things; rows keep their elements, so that the focus stays where it is, and what was chosen as far as it is there. */
  show(things: readonly Thing[]): void {
    const kept = new Set(things.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (kept.has(id)) continue;
      row.item.remove();
      this.#rows.delete(id);
    }
    for (const thing of things) {
      const row = this.#row(thing);
      row.thing = thing;
      if (!isNumber(row)) continue;
      row.input.max = String(thing.count);
      row.of.textContent = `of ${thing.count}`;
      if (Number(row.input.value) > thing.count) row.input.value = row.input.max;
    }
  }

  /** What is chosen from now on; a number that is being typed is left alone, unless it was refused. */
  choose(things: readonly Thing[], refused = false): void {
    for (const [id, row] of this.#rows) {
      const count = things.find((thing) => thing.id === id)?.count ?? 0;
      if (refused || !row.typing) set(row, count);
    }
  }

  /** What is chosen, in the order of the list. */
  get picks(): Picked[] {
    return [...this.#rows.values()].flatMap((row) => {
      const count = chosen(row);
      if (count === 0) return [];
      return [row.thing.stacks ? { id: row.thing.id, count } : { id: row.thing.id }];
    });
  }

  /** As many of the things as can go at once. */
  get all(): Picked[] {
    return [...this.#rows.keys()].slice(0, THINGS_AT_ONCE).map((id) => ({ id }));
  }

  clear(): void {
    for (const row of this.#rows.values()) set(row, 0);
  }

  /** The row of a thing; one that has become several, or the last of them, gets another in its place. */
  #row(thing: Thing): Row {
    const former = this.#rows.get(thing.id);
    if (former && isNumber(former) === thing.count > 1) return former;
    const row = this.#make(thing);
    if (former) {
      set(row, Math.min(thing.count, chosen(former)));
      former.item.replaceWith(row.item);
    } else {
      this.#list.append(row.item);
    }
    this.#rows.set(thing.id, row);
    return row;
  }

  #make(thing: Thing): Row {
    const item = make('li');
    const label = make('label');
    const input = make('input');
    const of = make('span', 'of');
    input.type = thing.count > 1 ? 'number' : 'checkbox';
    const row: Row = { item, input, of, thing, typing: false };
    if (isNumber(row)) {
      Object.assign(input, { min: '0', step: '1', value: '0', inputMode: 'numeric' });
      input.addEventListener('input', () => {
        row.typing = true;
        mark(row);
        this.#changed();
      });
      input.addEventListener('focus', () => input.select());
      // Typed to and fro is no change, but typed to its end.
      input.addEventListener('blur', () => set(row, chosen(row)));
    }
    input.addEventListener('change', () => {
      set(row, chosen(row));
      this.#changed();
    });
    label.append(make('span', 'kind', thing.kind), input, of);
    item.append(label);
    return row;
  }
}

function isNumber({ input }: Row): boolean {
  return input.type === 'number';
}

/** How many are meant: a whole number of what is there, whatever is typed. */
function chosen(row: Row): number {
  const { input, thing } = row;
  if (!isNumber(row)) return input.checked ? 1 : 0;
  const typed = Math.trunc(Number(input.value));
  return Number.isFinite(typed) ? Math.min(thing.count, Math.max(0, typed)) : 0;
}

function set(row: Row, count: number): void {
  row.typing = false;
  if (!isNumber(row)) row.input.checked = count > 0;
  else if (row.input.value !== String(count)) row.input.value = String(count);
  mark(row);
}

function mark(row: Row): void {
  row.item.classList.toggle('chosen', chosen(row) > 0);
}
