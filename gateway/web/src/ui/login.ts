// The way in: a guest's name, or a ticket.

import { NAME_CHARS } from '../protocol/messages.ts';
import type { Credentials } from '../protocol/messages.ts';
import { byId } from './dom.ts';

export class Login {
  readonly #page = byId('login');
  readonly #name = byId<HTMLInputElement>('name');
  readonly #ticket = byId<HTMLInputElement>('ticket');
  readonly #problem = byId('login-problem');

  constructor(enter: (who: Credentials) => void) {
    byId<HTMLFormElement>('enter').addEventListener('submit', (event) => {
      event.preventDefault();
      const ticket = this.#ticket.value.trim();
      if (ticket !== '') {
        this.#ticket.value = '';
        enter({ ticket });
        return;
      }
      const name = this.#name.value.trim();
      const problem = nameProblem(name);
      this.#problem.textContent = problem ?? '';
      if (problem === undefined) enter({ name });
      else this.#name.focus();
    });
  }

  show(name: string, problem = ''): void {
    this.#page.hidden = false;
    this.#problem.textContent = problem;
    this.#name.value = name;
    this.#name.focus();
    this.#name.select();
  }

  hide(): void {
    this.#page.hidden = true;
  }
}

/** Why this cannot be a name, in a sentence; `undefined`: it can. */
export function nameProblem(name: string): string | undefined {
  const length = [...name].length;
  if (length < NAME_CHARS.min || length > NAME_CHARS.max) {
    return `A name has ${NAME_CHARS.min} to ${NAME_CHARS.max} characters.`;
  }
  return /\p{Cc}/u.test(name) ? 'A name has no control characters.' : undefined;
}
