// The chat: a log that screen readers follow, and the line one types.

import type { ChatMode, EntityId, Line, Wish } from '../protocol/messages.ts';
import { HELP, parseLine, whisperTo } from './chat-commands.ts';
import { byId, make } from './dom.ts';

/** Lines kept in the log. */
const LOG_LINES = 200;
/** Typed lines that the arrow keys bring back. */
const HISTORY_LINES = 30;

export interface ChatEvents {
  /** Sends a wish; `false`: it could not be taken now. */
  wish(wish: Wish): boolean;
  /** Names of the players near. */
  names(): string[];
  /** The player is done typing. */
  left(): void;
}

export class Chat {
  readonly #panel = byId('chat');
  readonly #log = byId('log');
  readonly #line = byId<HTMLInputElement>('line');
  readonly #events: ChatEvents;
  readonly #history: string[] = [];
  #recalled = 0;

  constructor(events: ChatEvents) {
    this.#events = events;
    byId<HTMLFormElement>('say').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#line.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') events.left();
      else if (event.key === 'ArrowUp') this.#recall(-1, event);
      else if (event.key === 'ArrowDown') this.#recall(1, event);
    });
  }

  show(visible: boolean): void {
    this.#panel.hidden = !visible;
  }

  focus(): void {
    this.#line.focus();
  }

  /** Begins a whisper. */
  whisper(name: string): void {
    this.#line.value = whisperTo(name);
    this.#line.focus();
  }

  spoken(name: string, mode: ChatMode, text: string, own: boolean): void {
    this.#append(lineOf(name, mode, text, own ? `${mode} own` : mode));
  }

  /** What was heard before this page was loaded. */
  remember(lines: readonly Line[], you: EntityId): void {
    for (const { from, name, mode, text } of lines) {
      this.#append(lineOf(name, mode, text, `${mode}${from === you ? ' own' : ''} before`));
    }
  }

  notice(text: string): void {
    this.#append(make('p', 'notice', text));
  }

  /** Our own whisper, which the server does not tell us again. */
  #whispered(to: string, text: string): void {
    const line = make('p', 'whisper own');
    line.append(make('b', '', `To ${to}`), `: ${text}`);
    this.#append(line);
  }

  /** A new player, a new log. */
  clear(): void {
    this.#log.replaceChildren();
    this.notice(HELP);
  }

  #submit(): void {
    const typed = this.#line.value;
    const parsed = parseLine(typed, this.#events.names());
    if ('nothing' in parsed) {
      this.#events.left();
      return;
    }
    if ('problem' in parsed) {
      this.notice(parsed.problem);
      return;
    }
    if (!this.#events.wish(parsed.wish)) {
      this.notice('The server has not caught up yet. Try again in a moment.');
      return;
    }
    if (parsed.wish.t === 'chat' && parsed.wish.mode === 'whisper') {
      this.#whispered(parsed.wish.to ?? '', parsed.wish.text);
    }
    this.#history.push(typed);
    if (this.#history.length > HISTORY_LINES) this.#history.shift();
    this.#recalled = this.#history.length;
    this.#line.value = '';
  }

  #recall(by: number, event: KeyboardEvent): void {
    const wanted = Math.min(this.#history.length, Math.max(0, this.#recalled + by));
    if (wanted === this.#recalled) return;
    event.preventDefault();
    this.#recalled = wanted;
    this.#line.value = this.#history[wanted] ?? '';
  }

  #append(line: HTMLElement): void {
    const log = this.#log;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    log.append(line);
    while (log.childElementCount > LOG_LINES) log.firstElementChild!.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
}

function lineOf(name: string, mode: ChatMode, text: string, classes: string): HTMLElement {
  const line = make('p', classes);
  line.append(make('b', '', name), `${AFTER_NAME[mode]}${text}`);
  return line;
}

const AFTER_NAME: Readonly<Record<ChatMode, string>> = {
  say: ': ',
  shout: ' shouts: ',
  emote: ' ',
  whisper: ' whispers: ',
};
