// A trade with another player: the question, the table with both sides, and how it ended.

import { areOnTable, isOver, thingsText, thingText } from '../world/goods.ts';
import type { Picked, Table, Thing, Trade } from '../world/goods.ts';
import { byId, make } from './dom.ts';
import { button, Panel } from './panel.ts';
import { Picker } from './picker.ts';

/** What is chosen is laid on the table when nothing more was chosen for so long, ms: a number of several digits is one offer. */
const LAY_AFTER_MS = 400;
/** After the other has laid down something else, it takes so long until it can be accepted, ms: nobody accepts what she has not read. */
const READ_MS = 1_500;

/** What one can do about a trade: the args of its verb. */
export type Deal = { do: 'ask' } | { do: 'offer'; things: Picked[] } | { do: 'accept'; turn: number } | { do: 'cancel' };

export interface TradeEvents {
  deal(trade: Trade, deal: Deal): void;
  /** The player has seen how it ended. */
  seen(): void;
  /** The keyboard belongs to the world again. */
  left(): void;
}

export class TradePanel {
  readonly #panel: Panel;
  readonly #title = byId('trade-title');
  readonly #state = byId('trade-state');
  readonly #tables = byId('trade-tables');
  readonly #yours = new Side('trade-yours');
  readonly #theirs = new Side('trade-theirs');
  readonly #choice = byId('trade-choice');
  readonly #nothing = byId('trade-nothing');
  readonly #picker = new Picker(byId('trade-things'), () => this.#layLater());
  readonly #acts = byId('trade-acts');
  readonly #accept = button('Accept', () => this.#accepts(), 'main');
  readonly #events: TradeEvents;
  #shown: Trade | undefined;
  #laying: ReturnType<typeof setTimeout> | undefined;
  #reading: ReturnType<typeof setTimeout> | undefined;
  /** An offer is on its way. */
  #offered = false;

  constructor(events: TradeEvents) {
    this.#events = events;
    this.#panel = new Panel('trade', () => this.escape(), events.left);
  }

  get open(): boolean {
    return this.#panel.open;
  }

  /** Shows how it stands; none closes the panel. */
  show(trade: Trade | undefined, carried: readonly Thing[]): void {
    const former = this.#shown;
    if (trade !== former) this.#offered = false;
    this.#shown = trade;
    if (!trade || isOver(trade) || trade.trade !== former?.trade) this.#forgetTimers();
    if (!trade) {
      this.#panel.hide();
      return;
    }
    const { hasFocus } = this.#panel;
    const open = trade.state === 'open';
    this.#title.textContent = titleOf(trade);
    this.#tables.hidden = !open;
    this.#yours.show('You give', trade.yours, 'You accept.');
    this.#theirs.show(`${trade.name} gives`, trade.theirs, `${trade.name} accepts.`);
    this.#choice.hidden = !open;
    if (trade.trade !== former?.trade) this.#picker.clear();
    this.#picker.show(open ? carried : []);
    this.#nothing.hidden = carried.length > 0;
    // What she has just chosen is on its way, and not yet on the table.
    if (this.#laying === undefined) this.#picker.choose(trade.yours.things);
    if (trade.changed && trade !== former) this.#readFirst();
    setText(this.#state, stateText(trade));
    if (trade.state !== former?.state || trade.trade !== former.trade) this.#acts.replaceChildren(...this.#buttons(trade));
    this.#refresh();
    this.#panel.show();
    if (hasFocus && !this.#panel.hasFocus) this.#panel.focus();
  }

  /** If it was her offer that was refused, what is on the table is what counts. */
  refused(): void {
    if (this.#shown && this.#offered) this.#picker.choose(this.#shown.yours.things, true);
    this.#offered = false;
    this.#refresh();
  }

  focus(): void {
    this.#panel.focus();
  }

  /** Takes leave of one that is over; one that is not goes on, and the keyboard goes back to the world. */
  escape(): void {
    if (this.#shown && isOver(this.#shown)) this.#events.seen();
    else if (this.#panel.hasFocus) this.#panel.leave();
  }

  #buttons(trade: Trade): HTMLButtonElement[] {
    const deal = (label: string, what: Deal, className = ''): HTMLButtonElement => (
      button(label, () => this.#events.deal(this.#shown ?? trade, what), className)
    );
    switch (trade.state) {
      case 'asking':
        return [deal('Call off', { do: 'cancel' })];
      case 'asked':
        return [deal(`Trade with ${trade.name}`, { do: 'ask' }, 'main'), deal('No', { do: 'cancel' })];
      case 'open':
        return [this.#accept, deal('Call off', { do: 'cancel' })];
      case 'done':
      case 'ended':
        return [button('Close', () => this.#events.seen())];
    }
  }

  #accepts(): void {
    const trade = this.#shown;
    if (trade && this.#canAccept) this.#events.deal(trade, { do: 'accept', turn: trade.turn });
  }

  get #canAccept(): boolean {
    const trade = this.#shown;
    if (trade?.state !== 'open' || trade.yours.accepted || this.#reading !== undefined) return false;
    if (trade.yours.things.length === 0 && trade.theirs.things.length === 0) return false;
    return this.#isLaid;
  }

  #layLater(): void {
    clearTimeout(this.#laying);
    // Leaving a field, on the way to the button, says again what lies there already.
    this.#laying = this.#isLaid ? undefined : setTimeout(() => {
      this.#laying = undefined;
      const trade = this.#shown;
      if (trade?.state === 'open' && !this.#isLaid) {
        this.#offered = true;
        this.#events.deal(trade, { do: 'offer', things: this.#picker.picks });
      }
      this.#refresh();
    }, LAY_AFTER_MS);
    this.#refresh();
  }

  /** What is chosen is on the table. */
  get #isLaid(): boolean {
    return this.#shown !== undefined && areOnTable(this.#picker.picks, this.#shown.yours.things);
  }

  #readFirst(): void {
    clearTimeout(this.#reading);
    this.#reading = setTimeout(() => {
      this.#reading = undefined;
      this.#refresh();
    }, READ_MS);
  }

  #forgetTimers(): void {
    clearTimeout(this.#laying);
    clearTimeout(this.#reading);
    this.#laying = undefined;
    this.#reading = undefined;
  }

  /** A button that must not be pressed now keeps the focus, unlike a disabled one. */
  #refresh(): void {
    this.#accept.setAttribute('aria-disabled', String(!this.#canAccept));
    setText(this.#accept, this.#shown?.yours.accepted ? 'Accepted' : 'Accept');
  }
}

/** What one of the two gives. */
class Side {
  readonly #title: HTMLElement;
  readonly #list: HTMLElement;
  readonly #mark: HTMLElement;

  constructor(id: string) {
    this.#title = byId(`${id}-title`);
    this.#list = byId(`${id}-things`);
    this.#mark = byId(`${id}-mark`);
  }

  show(title: string, { things, accepted }: Table, mark: string): void {
    setText(this.#title, title);
    const lines = things.length > 0 ? things.map((thing) => make('li', '', thingText(thing))) : [make('li', 'nothing', 'nothing')];
    this.#list.replaceChildren(...lines);
    setText(this.#mark, accepted ? `✓ ${mark}` : '');
  }
}

function titleOf({ name, state }: Trade): string {
  if (state === 'asked') return `${name} asks you to trade`;
  return state === 'done' ? `Traded with ${name}` : `Trade with ${name}`;
}

/** How a trade stands and what she can do about it, in words. */
export function stateText(trade: Trade): string {
  const { name, yours, theirs } = trade;
  switch (trade.state) {
    case 'asking':
      return `Waiting for ${name} to answer.`;
    case 'asked':
      return 'Nothing changes hands before you both accept.';
    case 'open': {
      if (yours.things.length === 0 && theirs.things.length === 0) return 'Choose below what you give.';
      if (yours.accepted) return `Waiting for ${name} to accept.`;
      const now = `${name} gives ${thingsText(theirs.things)}, you give ${thingsText(yours.things)}.`;
      if (trade.changed) return `${name} has changed the offer. Now ${now}`;
      return theirs.accepted ? `${name} accepts: ${now}` : now;
    }
    case 'done':
      return `${name} gave ${thingsText(theirs.things)}, you gave ${thingsText(yours.things)}.`;
    case 'ended':
      return `${whyText(trade)} Nothing has changed hands.`.trim();
  }
}

function whyText({ name, why, before }: Trade): string {
  switch (why) {
    case 'declined':
      return `${name} does not want to trade.`;
    case 'cancelled':
      return `${name} has called it off.`;
    case 'left':
      return `You and ${name} have parted.`;
    case 'too_far':
      return `You and ${name} are too far apart.`;
    case 'away':
      return 'One of you has lost the connection.';
    case 'timed_out':
      return before === 'open' ? 'It took too long.' : 'There was no answer.';
    default:
      return 'The trade is off.';
  }
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
