// What the player carries and deals with, as zones tell it: the events of the SDK's goods, trades, containers, boards and deeds
// (`zone-api/guest`, "What clients are told"). A module may send anything under these names; what does not fit is no news of ours.

import type { EntityId } from '../protocol/messages.ts';

/** A thing, or a stack of things that are all the same. */
export interface Thing {
  /** Opaque. */
  readonly id: string;
  /** What it is, in the author's words. */
  readonly kind: string;
  /** How many; 1 of what does not stack. */
  readonly count: number;
  readonly stacks: boolean;
}

/** A thing, and how many of it: what verbs take as args. */
export interface Picked {
  id: string;
  count?: number;
}

export interface Purse {
  things: Thing[];
  /** The zone that told of it. Elsewhere it is kept, but nobody there knows of it. */
  readonly zone: string;
}

/** What one side lays on the table. */
export interface Table {
  readonly things: readonly Thing[];
  readonly accepted: boolean;
}

export type TradeState = 'asking' | 'asked' | 'open' | 'done' | 'ended';

export interface Trade {
  readonly trade: number;
  readonly with: EntityId;
  readonly name: string;
  readonly state: TradeState;
  /** Counts the changes of offers; accepting names it. */
  readonly turn: number;
  readonly yours: Table;
  readonly theirs: Table;
  /** Why it came to nothing. */
  readonly why: string;
  /** The state before: an end means another thing to a question than to a trade. */
  readonly before: TradeState | undefined;
  /** The other has just laid down something else. */
  readonly changed: boolean;
}

export interface Container {
  readonly container: EntityId;
  things: Thing[];
}

export interface Note {
  readonly note: number;
  readonly by: string;
  readonly yours: boolean;
  /** Seconds since it was written. */
  readonly age: number;
  readonly text: string;
}

export interface Board {
  readonly board: EntityId;
  readonly page: number;
  readonly pages: number;
  readonly notes: readonly Note[];
}

/** Something that the player does and that takes time. */
export interface Progress {
  readonly verb: string;
  readonly target: EntityId;
  readonly done: number;
  readonly all: number;
}

/** What the page has to show anew, or once. */
export type GoodsNews =
  | { is: 'purse' }
  | { is: 'trade' }
  | { is: 'container' }
  | { is: 'board' }
  | { is: 'progress' }
  | { is: 'deed'; from: EntityId; name: string; text: string }
  | { is: 'notice'; text: string };

export class Goods {
  /** None: no zone has told of one. */
  purse: Purse | undefined;
  trade: Trade | undefined;
  /** The container that the player has open. */
  container: Container | undefined;
  /** The notice board that she reads. */
  board: Board | undefined;
  progress: Progress | undefined;
  #zone = '';

  /** Takes in a zone's event; `undefined`: it is none of these. */
  apply(name: string, data: unknown): GoodsNews[] | undefined {
    const fields = record(data);
    return fields && this.#readers.get(name)?.(fields);
  }

  /** The player is in this zone now; answers what that ends. */
  enter(zone: string): GoodsNews[] {
    if (zone === this.#zone) return [];
    this.#zone = zone;
    this.container = undefined;
    this.board = undefined;
    this.progress = undefined;
    // How it ended may not reach us here; that it did is certain.
    if (this.trade && !isOver(this.trade)) {
      this.trade = { ...this.trade, state: 'ended', before: this.trade.state, why: 'left' };
    }
    return [{ is: 'purse' }, { is: 'trade' }, { is: 'container' }, { is: 'board' }, { is: 'progress' }];
  }

  /** Whether what is carried is of use in this zone. */
  get isHere(): boolean {
    return this.purse?.zone === this.#zone;
  }

  clear(): void {
    this.purse = undefined;
    this.trade = undefined;
    this.container = undefined;
    this.board = undefined;
    this.progress = undefined;
    this.#zone = '';
  }

  readonly #readers = new Map<string, (fields: Fields) => GoodsNews[] | undefined>([
    ['purse', (fields) => {
      const things = thingsIn(fields['things']);
      if (!things) return undefined;
      const former = fields['page'] === 0 ? undefined : this.purse;
      this.purse = { things: [...(former?.things ?? []), ...things], zone: this.#zone };
      return [{ is: 'purse' }];
    }],
    ['goods', (fields) => {
      const before = this.isHere ? this.purse!.things : [];
      const after = changed(before, fields);
      if (!after) return undefined;
      this.purse = { things: after, zone: this.#zone };
      const text = differenceText(before, after);
      return text === '' ? [{ is: 'purse' }] : [{ is: 'purse' }, { is: 'notice', text }];
    }],
    ['trade', (fields) => {
      const told = tradeIn(fields, this.trade);
      if (!told) return undefined;
      this.trade = told;
      return [{ is: 'trade' }];
    }],
    ['container', (fields) => {
      const things = thingsIn(fields['things']);
      const container = whole(fields['container']);
      if (!things || container === undefined) return undefined;
      const former = fields['page'] === 0 || this.container?.container !== container ? undefined : this.container;
      this.container = { container, things: [...(former?.things ?? []), ...things] };
      return [{ is: 'container' }];
    }],
    ['container_changed', (fields) => {
      const open = this.container;
      const things = open && open.container === fields['container'] ? changed(open.things, fields) : undefined;
      if (!open || !things) return undefined;
      open.things = things;
      return [{ is: 'container' }];
    }],
    ['container_closed', (fields) => {
      if (this.container?.container !== fields['container']) return undefined;
      this.container = undefined;
      return [{ is: 'container' }];
    }],
    ['board', (fields) => {
      const board = boardIn(fields);
      if (!board) return undefined;
      this.board = board;
      return [{ is: 'board' }];
    }],
    ['progress', (fields) => {
      const [target, done, all] = [whole(fields['target']), amount(fields['done_ms']), amount(fields['all_ms'])];
      const { verb } = fields;
      if (typeof verb !== 'string' || target === undefined || done === undefined || !all) return undefined;
      this.progress = { verb, target, done, all };
      return [{ is: 'progress' }];
    }],
    ['progress_over', (fields) => {
      const { how, text } = fields;
      if (typeof how !== 'string') return undefined;
      this.progress = undefined;
      const said = typeof text === 'string' ? text : (DEED_OVER.get(how) ?? '');
      return said === '' ? [{ is: 'progress' }] : [{ is: 'progress' }, { is: 'notice', text: said }];
    }],
    ['seen', (fields) => {
      const { name, text } = fields;
      const from = whole(fields['who']);
      if (typeof name !== 'string' || typeof text !== 'string' || from === undefined) return undefined;
      return [{ is: 'deed', from, name, text }];
    }],
  ]);
}

/** Whether nothing more comes of a trade. */
export function isOver({ state }: Trade): boolean {
  return state === 'done' || state === 'ended';
}

/** A thing as one reads it in a list: `3 × coin`, `crowbar`. */
export function thingText({ kind, count, stacks }: Thing): string {
  return stacks ? `${count} × ${kind}` : kind;
}

/** Several of them, in a sentence; `nothing`, if there are none. */
export function thingsText(things: readonly Thing[]): string {
  return things.length === 0 ? 'nothing' : things.map(thingText).join(', ');
}

/** Whether these picks are what lies on a table. */
export function areOnTable(picks: readonly Picked[], things: readonly Thing[]): boolean {
  return picks.length === things.length
    && picks.every(({ id, count = 1 }) => things.some((thing) => thing.id === id && thing.count === count));
}

/** What has come and what has gone, by kind: ids mean nothing to people. */
export function differenceText(before: readonly Thing[], after: readonly Thing[]): string {
  const more = new Map<string, number>();
  for (const { kind, count } of after) more.set(kind, (more.get(kind) ?? 0) + count);
  for (const { kind, count } of before) more.set(kind, (more.get(kind) ?? 0) - count);
  const kinds = (sign: number): string => [...more]
    .filter(([, count]) => Math.sign(count) === sign)
    .map(([kind, count]) => (Math.abs(count) === 1 ? kind : `${Math.abs(count)} × ${kind}`))
    .join(', ');
  const [come, gone] = [kinds(1), kinds(-1)];
  return [come && `You have got: ${come}.`, gone && `Gone: ${gone}.`].filter(Boolean).join(' ');
}

/** Why a deed came to nothing, where the player may wonder. */
const DEED_OVER: ReadonlyMap<string, string> = new Map([
  ['moved', 'Nothing came of it: that takes a moment on the spot.'],
  ['target_gone', 'Nothing came of it: it is not here any more.'],
  ['hurt', 'You were interrupted.'],
  ['stopped', 'You were interrupted.'],
]);

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function whole(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** All of a list's elements as `read` has them; `undefined` if one is not. */
function each<T>(value: unknown, read: (element: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const elements = value.map(read).filter((element) => element !== undefined);
  return elements.length === value.length ? elements : undefined;
}

function thingsIn(value: unknown): Thing[] | undefined {
  return each(value, (element) => {
    const { id, kind, count } = record(element) ?? {};
    if (typeof id !== 'string' || typeof kind !== 'string') return undefined;
    return { id, kind, count: whole(count) ?? 1, stacks: count !== undefined && count !== null };
  });
}

/** A list of things after `set` and `gone`. */
function changed(before: readonly Thing[], fields: Fields): Thing[] | undefined {
  const set = thingsIn(fields['set']);
  const gone = each(fields['gone'], (id) => (typeof id === 'string' ? id : undefined));
  if (!set || !gone) return undefined;
  const after = before.filter(({ id }) => !gone.includes(id));
  for (const thing of set) {
    const at = after.findIndex(({ id }) => id === thing.id);
    if (at < 0) after.push(thing);
    else after[at] = thing;
  }
  return after;
}

function tableIn(value: unknown): Table | undefined {
  const fields = record(value);
  const things = thingsIn(fields?.['things']);
  return things && { things, accepted: fields!['accepted'] === true };
}

function tradeIn(fields: Fields, former: Trade | undefined): Trade | undefined {
  const [trade, other, turn] = [whole(fields['trade']), whole(fields['with']), whole(fields['turn'])];
  const [yours, theirs] = [tableIn(fields['yours']), tableIn(fields['theirs'])];
  const { name, state, why } = fields;
  if (trade === undefined || other === undefined || turn === undefined || !yours || !theirs) return undefined;
  if (typeof name !== 'string' || !STATES.has(state as TradeState)) return undefined;
  const last = former?.trade === trade && former.with === other ? former : undefined;
  return {
    trade, with: other, name, state: state as TradeState, turn, yours, theirs,
    why: typeof why === 'string' ? why : '',
    before: last?.state,
    changed: last !== undefined && thingsText(last.theirs.things) !== thingsText(theirs.things),
  };
}

const STATES: ReadonlySet<TradeState> = new Set(['asking', 'asked', 'open', 'done', 'ended']);

function boardIn(fields: Fields): Board | undefined {
  const [board, page, pages] = [whole(fields['board']), whole(fields['page']), whole(fields['pages'])];
  const notes = each(fields['notes'], (element) => {
    const { note, by, yours, age_s: age, text } = record(element) ?? {};
    if (whole(note) === undefined || typeof by !== 'string' || typeof text !== 'string') return undefined;
    return { note: note as number, by, yours: yours === true, age: amount(age) ?? 0, text };
  });
  if (board === undefined || page === undefined || pages === undefined || !notes) return undefined;
  return { board, page, pages, notes };
}
