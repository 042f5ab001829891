// A notice board: what others have pinned to it, and a line for a note of one's own.

import type { EntityId } from '../protocol/messages.ts';
import type { Board, Note } from '../world/goods.ts';
import { byId, make } from './dom.ts';
import { button, Panel } from './panel.ts';

export interface BoardEvents {
  read(board: EntityId, page: number): void;
  post(board: EntityId, text: string): void;
  remove(board: EntityId, note: number): void;
  /** The keyboard belongs to the world again. */
  left(): void;
}

export class BoardPanel {
  readonly #panel: Panel;
  readonly #title = byId('board-title');
  readonly #notes = byId('board-notes');
  readonly #empty = byId('board-empty');
  readonly #pages = byId('board-pages');
  readonly #text = byId<HTMLInputElement>('board-text');
  readonly #events: BoardEvents;
  #shown: Board | undefined;

  constructor(events: BoardEvents) {
    this.#events = events;
    this.#panel = new Panel('board', () => this.close(), events.left);
    byId('board-acts').append(button('Close', () => this.close()));
    byId<HTMLFormElement>('board-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#text.value.trim();
      if (text === '' || !this.#shown) return;
      events.post(this.#shown.board, text);
      this.#text.value = '';
    });
  }

  get open(): boolean {
    return this.#panel.open;
  }

  /** Shows a page of it; none closes the panel. */
  show(board: Board | undefined, name: string): void {
    const isNew = board !== undefined && board.board !== this.#shown?.board;
    const inNotes = this.#notes.contains(document.activeElement) || this.#pages.contains(document.activeElement);
    this.#shown = board;
    if (!board) {
      this.#panel.hide();
      return;
    }
    this.#title.textContent = name;
    this.#empty.hidden = board.notes.length > 0;
    this.#notes.replaceChildren(...board.notes.map((note) => this.#note(board, note)));
    const turn = (label: string, page: number): HTMLButtonElement[] => (
      page >= 0 && page < board.pages ? [button(label, () => this.#events.read(board.board, page))] : []
    );
    const here = make('span', '', `page ${board.page + 1} of ${board.pages}`);
    this.#pages.replaceChildren(...turn('Newer', board.page - 1), here, ...turn('Older', board.page + 1));
    this.#pages.hidden = board.pages < 2;
    if (isNew) this.#text.value = '';
    this.#panel.show();
    if (isNew) this.#panel.takeFocus();
    else if (inNotes) this.#panel.box.focus();
  }

  close(): void {
    this.#shown = undefined;
    this.#panel.hide();
  }

  #note(board: Board, { note, by, yours, age, text }: Note): HTMLLIElement {
    const item = make('li');
    item.append(make('p', '', text), make('small', '', `${by}, ${ageText(age)}`));
    if (yours) {
      const off = button('Take off', () => this.#events.remove(board.board, note));
      off.setAttribute('aria-label', `Take off your note: ${text}`);
      item.append(off);
    }
    return item;
  }
}

/** How long ago, as people say it; `seconds` of game time. */
export function ageText(seconds: number): string {
  if (seconds < 60) return 'just now';
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
