// Everything that one does with goods: what one carries, gives, trades, takes out and puts in; and the notice board. Joins the panels to
// what the world knows and to the verbs that zones understand.

import type { EntityId, Wish } from '../protocol/messages.ts';
import { isOver } from '../world/goods.ts';
import type { Trade } from '../world/goods.ts';
import type { Entity, Happening, World } from '../world/model.ts';
import { useOf } from '../world/uses.ts';
import { BoardPanel } from './board.ts';
import { Carried } from './carried.ts';
import { ContainerPanel } from './container.ts';
import { GivePanel } from './give.ts';
import { placeName } from './hud.ts';
import { ProgressBar } from './progress.ts';
import { TradePanel } from './trade.ts';
import type { Deal } from './trade.ts';

export interface DealingsEvents {
  wish(wish: Wish): void;
  /** A line for the log. */
  notice(text: string): void;
  /** The keyboard belongs to the world again. */
  left(): void;
}

export class Dealings {
  readonly #world: World;
  readonly #events: DealingsEvents;
  readonly #carried = new Carried();
  readonly #progress = new ProgressBar();
  readonly #give: GivePanel;
  readonly #trade: TradePanel;
  readonly #container: ContainerPanel;
  readonly #board: BoardPanel;
  /** The trade that she has called off or declined herself: she need not be told. */
  #calledOff: number | undefined;

  constructor(world: World, events: DealingsEvents) {
    this.#world = world;
    this.#events = events;
    const left = (): void => events.left();
    this.#give = new GivePanel({ give: (to, things) => this.#interact(to, 'give', { things }), left });
    this.#trade = new TradePanel({ deal: (trade, deal) => this.#deal(trade, deal), seen: () => this.#forgetTrade(), left });
    this.#container = new ContainerPanel({
      use: (container, verb, things) => {
        this.#interact(container, verb, things && { things });
        if (verb !== 'close') return;
        world.goods.container = undefined;
        this.#showContainer();
      },
      left,
    });
    this.#board = new BoardPanel({
      read: (board, page) => this.#interact(board, 'read', { page }),
      post: (board, text) => this.#interact(board, 'post', { text }),
      remove: (board, note) => this.#interact(board, 'remove', { note }),
      left,
    });
  }

  /** Uses a verb of somebody or something: at once, or by a panel that asks for the rest. */
  use(entity: Entity, verb: string): void {
    switch (useOf(entity, verb)) {
      case 'give':
        this.#give.show(entity, this.#things);
        break;
      case 'board':
        this.#interact(entity.id, 'read');
        break;
      default:
        this.#interact(entity.id, verb);
    }
  }

  show({ is }: Happening): void {
    const { goods } = this.#world;
    switch (is) {
      case 'purse':
        this.#carried.show(goods.purse?.things, goods.purse && !goods.isHere ? placeName(goods.purse.zone) : undefined);
        if (!goods.isHere) this.#give.close();
        else if (this.#give.open) this.#give.carried(this.#things);
        if (this.#trade.open) this.#showTrade();
        if (this.#container.open) this.#showContainer();
        break;
      case 'trade':
        this.#showTrade();
        if (goods.trade?.state === 'asked' && goods.trade.before === undefined) {
          this.#events.notice(`${goods.trade.name} asks you to trade. Press T to answer.`);
        }
        break;
      case 'container':
        this.#showContainer();
        break;
      case 'board':
        this.#board.show(goods.board, this.#nameOf(goods.board?.board));
        break;
      case 'progress':
        this.#progress.show(goods.progress, this.#deedText());
        break;
      default:
        break;
    }
  }

  /** A command of hers was refused. */
  refused(): void {
    if (this.#trade.open) this.#trade.refused();
  }

  /** T goes to the trade, I to what she carries, Escape closes what can be closed; answers whether the key was meant for one of them. */
  key(key: string): boolean {
    switch (key.toLowerCase()) {
      case 't':
        if (this.#trade.open) this.#trade.focus();
        return this.#trade.open;
      case 'i':
        return this.#carried.toggle();
      case 'escape':
        return this.#escape();
      default:
        return false;
    }
  }

  /** The player has left the world, and it is cleared. */
  clear(): void {
    this.#give.close();
    for (const is of ['purse', 'trade', 'container', 'board', 'progress'] as const) this.show({ is });
  }

  get #things() {
    const { goods } = this.#world;
    return goods.isHere ? goods.purse!.things : [];
  }

  #escape(): boolean {
    const { trade } = this.#world.goods;
    if (this.#give.open) this.#give.close();
    else if (this.#container.open) this.#container.close();
    else if (this.#board.open) this.#board.close();
    else if (trade && isOver(trade)) this.#forgetTrade();
    else return false;
    return true;
  }

  #deal(trade: Trade, deal: Deal): void {
    if (deal.do === 'cancel') this.#calledOff = trade.trade;
    this.#interact(trade.with, 'trade', deal);
  }

  #showTrade(): void {
    const { trade } = this.#world.goods;
    if (trade?.state === 'ended' && trade.trade === this.#calledOff) {
      this.#events.notice(`Your trade with ${trade.name} is off. Nothing has changed hands.`);
      this.#forgetTrade();
      return;
    }
    this.#trade.show(trade, this.#things);
  }

  #forgetTrade(): void {
    this.#calledOff = undefined;
    this.#world.goods.trade = undefined;
    this.#trade.show(undefined, []);
  }

  #showContainer(): void {
    const { container } = this.#world.goods;
    this.#container.show(container, this.#nameOf(container?.container), this.#things);
  }

  /** What she is doing, as its verb says it. */
  #deedText(): string {
    const { progress } = this.#world.goods;
    const target = progress && this.#world.entities.get(progress.target);
    return target?.verbs.find(({ id }) => id === progress!.verb)?.label ?? '';
  }

  #nameOf(id: EntityId | undefined): string {
    return (id !== undefined && this.#world.entities.get(id)?.name) || 'It';
  }

  #interact(target: EntityId, verb: string, args?: unknown): void {
    this.#events.wish(args === undefined ? { t: 'interact', target, verb } : { t: 'interact', target, verb, args });
  }
}
