// A panel that comes and goes beside the world. Escape in it does what its owner says; when it goes, or is left, the keyboard is the
// world's again.

import { byId, make } from './dom.ts';

export class Panel {
  readonly box: HTMLElement;
  readonly #left: () => void;

  /** `left`: the keyboard belongs to the world again. */
  constructor(id: string, escape: () => void, left: () => void) {
    this.box = byId(id);
    this.#left = left;
    this.box.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      escape();
    });
  }

  get open(): boolean {
    return !this.box.hidden;
  }

  get hasFocus(): boolean {
    return this.box.contains(document.activeElement);
  }

  show(): void {
    this.box.hidden = false;
  }

  /** Takes the keyboard, for a panel that she has called for herself; but nobody is taken out of a line she is typing. */
  takeFocus(): void {
    if (this.hasFocus || document.activeElement === document.body || document.activeElement?.id === 'scene') this.box.focus();
  }

  /** The keyboard goes to the first button; before a field to the panel itself, so that one can still walk. */
  focus(): void {
    const first = this.box.querySelector<HTMLElement>('button:not(:disabled), input');
    (first instanceof HTMLButtonElement ? first : this.box).focus();
  }

  /** Gives the keyboard back, and stays. */
  leave(): void {
    this.#left();
  }

  hide(): void {
    const { hasFocus } = this;
    this.box.hidden = true;
    if (hasFocus) this.#left();
  }
}

/** A button with a text, and what it does. */
export function button(label: string, act: () => void, className = ''): HTMLButtonElement {
  const element = make('button', className, label);
  element.type = 'button';
  element.addEventListener('click', act);
  return element;
}
