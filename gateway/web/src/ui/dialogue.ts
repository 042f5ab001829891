// A talk with an NPC: what it says, and what one can answer.

import type { Dialogue } from '../protocol/messages.ts';
import { byId, make } from './dom.ts';

export interface DialogueEvents {
  /** An option, or none to leave the talk. */
  choose(dialogue: number, option: string | undefined): void;
  /** The panel is gone; the keyboard belongs to the world again. */
  closed(): void;
}

export class DialoguePanel {
  readonly #panel = byId('dialogue');
  readonly #name = byId('dialogue-name');
  readonly #text = byId('dialogue-text');
  readonly #options = byId('dialogue-options');
  readonly #events: DialogueEvents;
  #shown: Dialogue | undefined;

  constructor(events: DialogueEvents) {
    this.#events = events;
  }

  get open(): boolean {
    return this.#shown !== undefined;
  }

  /** Shows this state of a talk; none closes the panel. */
  show(dialogue: Dialogue | undefined, npcName: string): void {
    if (dialogue === this.#shown) return;
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#shown = dialogue;
    this.#panel.hidden = dialogue === undefined;
    if (!dialogue) {
      if (hadFocus) this.#events.closed();
      return;
    }
    this.#name.textContent = npcName;
    this.#text.textContent = dialogue.text;
    const over = dialogue.options.length === 0;
    const buttons = dialogue.options.map((option, index) => {
      const button = this.#button(option.text, () => this.#events.choose(dialogue.dialogue, option.id));
      if (index < 9) button.prepend(make('kbd', '', String(index + 1)));
      return button;
    });
    const leave = this.#button(over ? 'Close' : 'Walk away', () => this.#events.choose(dialogue.dialogue, undefined));
    leave.classList.toggle('away', !over);
    this.#options.replaceChildren(...buttons, leave);
    // The next answer is where the last one was; but nobody is taken out of a line she is typing.
    if (hadFocus || document.activeElement === document.body || document.activeElement?.id === 'scene') {
      this.#options.querySelector('button')?.focus();
    }
  }

  /** The answer was refused: another may be given. */
  refused(): void {
    for (const button of this.#options.querySelectorAll('button')) button.disabled = false;
  }

  /** A digit chooses, Escape leaves; answers whether the key was meant for the talk. */
  key(key: string): boolean {
    const shown = this.#shown;
    if (!shown) return false;
    if (key === 'Escape') {
      this.#events.choose(shown.dialogue, undefined);
      return true;
    }
    const option = /^[1-9]$/.test(key) ? shown.options[Number(key) - 1] : undefined;
    if (!option) return false;
    this.#answered();
    this.#events.choose(shown.dialogue, option.id);
    return true;
  }

  #button(label: string, act: () => void): HTMLButtonElement {
    const button = make('button', '', label);
    button.type = 'button';
    button.addEventListener('click', () => {
      this.#answered();
      act();
    });
    return button;
  }

  /** One answer a turn: the buttons rest until the NPC goes on. */
  #answered(): void {
    for (const button of this.#options.querySelectorAll('button:not(.away)')) (button as HTMLButtonElement).disabled = true;
  }
}
