// What the player knows of the world, kept by applying the server's messages. Knows no page and no socket.

import { FLAG_JUMP } from '../protocol/messages.ts';
import type {
  ChatMode, Dialogue, EntityId, Kind, Line, PauseReason, RosterEntry, ServerMsg, TagValue, Verb, ZoneInfo,
} from '../protocol/messages.ts';
import { Goods } from './goods.ts';
import type { GoodsNews } from './goods.ts';
import { GameClock, Track } from './timeline.ts';
import type { Pose } from './timeline.ts';

/** Somebody or something near the player. */
export interface Entity {
  readonly id: EntityId;
  readonly kind: Kind;
  name: string;
  tags: Record<string, TagValue>;
  verbs: Verb[];
  readonly ghost: boolean;
  readonly track: Track;
}

/** A line over somebody's head. */
export interface Bubble {
  text: string;
  mode: ChatMode;
  until: number;
}

/** Something that the page shows once, in order. */
export type Happening =
  | { is: 'zone'; zone: ZoneInfo; moved: boolean }
  | { is: 'placed'; x: number; y: number; c: number; why: string }
  | { is: 'chat'; from: EntityId; name: string; mode: ChatMode; text: string; own: boolean }
  | { is: 'history'; lines: Line[] }
  | { is: 'rejected'; text: string }
  | { is: 'dialogue' }
  | { is: 'pause' }
  | { is: 'barriers' }
  | GoodsNews;

/** How long a bubble stays, ms: reading time grows with its length. */
const BUBBLE_MS = { base: 3_000, perCharacter: 45, max: 9_000 } as const;
/** Another position of our own than this far from the server's, after a swap or a migration, is taken back, metres. */
const OWN_DRIFT_M = 3;

export class World {
  you: EntityId = 0;
  name = '';
  zone: ZoneInfo | undefined;
  readonly entities = new Map<EntityId, Entity>();
  readonly bubbles = new Map<EntityId, Bubble>();
  readonly closedBarriers = new Set<string>();
  /** Open talks, the latest last. */
  readonly dialogues = new Map<number, Dialogue>();
  /** What we carry, and whatever we do with it. */
  readonly goods = new Goods();
  paused: PauseReason | undefined;
  dilation = 1;
  readonly clock = new GameClock();
  /** Where the walker says we are; the page keeps it up to date. */
  readonly own: Pose = { x: 0, y: 0, h: 0 };

  /** Takes in one message and answers what the page has to show or follow. */
  apply(message: ServerMsg, now: number): Happening[] {
    switch (message.t) {
      case 'welcome':
        // The same avatar goes on with the talks it has, and with what it carries; a new one begins without.
        if (message.you !== this.you) {
          this.dialogues.clear();
          this.goods.clear();
        }
        this.you = message.you;
        this.name = message.name;
        return [{ is: 'dialogue' }];
      case 'zone':
        return this.#entered(message, now);
      case 'roster':
        if (message.full) this.entities.clear();
        for (const id of message.leave) this.entities.delete(id);
        for (const entry of message.enter) this.#enter(entry, now);
        return [];
      case 'update':
        this.#update(message, now);
        return [];
      case 'correct':
        return [{ is: 'placed', x: message.x, y: message.y, c: message.c, why: message.why }];
      case 'chat': {
        const own = message.from === this.you;
        if (message.mode !== 'whisper') this.#bubble(message.from, message.text, message.mode, now);
        return [{ is: 'chat', from: message.from, name: message.name, mode: message.mode, text: message.text, own }];
      }
      case 'history':
        return [{ is: 'history', lines: message.lines }];
      case 'ignored':
        return [{ is: 'notice', text: ignoredText(message.names) }];
      case 'dialogue': {
        const { dialogue, npc, text, options } = message;
        this.dialogues.delete(dialogue);
        if (text !== '' || options.length > 0) this.dialogues.set(dialogue, { dialogue, npc, text, options });
        return [{ is: 'dialogue' }];
      }
      case 'event': {
        const news = this.goods.apply(message.name, message.data);
        if (news) return news;
        const text = eventText(message.data);
        return text === undefined ? [] : [{ is: 'notice', text }];
      }
      case 'tags': {
        const entity = this.entities.get(message.id);
        if (entity) entity.tags = message.tags;
        return [];
      }
      case 'verbs': {
        const entity = this.entities.get(message.id);
        if (entity) entity.verbs = message.verbs;
        return [];
      }
      case 'name': {
        const entity = this.entities.get(message.id);
        if (entity) entity.name = message.name;
        if (message.id === this.you) this.name = message.name;
        return [];
      }
      case 'barrier':
        if (message.closed) this.closedBarriers.add(message.id);
        else this.closedBarriers.delete(message.id);
        return [{ is: 'barriers' }];
      case 'reject':
        // Which talk was meant is not told; one that is over here too is opened again by its NPC.
        if (message.code === 'no_such_dialogue') this.dialogues.clear();
        return [{ is: 'rejected', text: REJECTED[message.code] ?? sentence(message.message) }];
      case 'paused':
        this.paused = message.reason;
        return [{ is: 'pause' }];
      case 'resumed':
        this.paused = undefined;
        return [{ is: 'pause' }];
      default:
        return [];
    }
  }

  /** The player left: nothing of the former world may show through. */
  clear(): void {
    this.zone = undefined;
    this.entities.clear();
    this.bubbles.clear();
    this.dialogues.clear();
    this.goods.clear();
    this.closedBarriers.clear();
    this.paused = undefined;
  }

  /** Bubbles whose time is over go. */
  expire(now: number): void {
    for (const [id, bubble] of this.bubbles) if (bubble.until <= now) this.bubbles.delete(id);
  }

  #entered(zone: ZoneInfo, now: number): Happening[] {
    const former = this.zone;
    this.zone = zone;
    this.dilation = 1;
    this.clock.reset(zone.tick_hz, zone.tick, now);
    this.closedBarriers.clear();
    for (const name of zone.barriers) this.closedBarriers.add(name);
    const same = former?.zone === zone.zone && former.region === zone.region;
    if (!same) {
      this.entities.clear();
      this.bubbles.clear();
      this.dialogues.clear();
    }
    // A zone that goes on under us (a swap, another host) still accepts our moves: we are not pulled back to where its
    // last tick saw us.
    const goesOn = same && former.c === zone.c && STAYS.has(zone.reason);
    const moved = !goesOn || Math.hypot(this.own.x - zone.x, this.own.y - zone.y) > OWN_DRIFT_M;
    const wasPaused = this.paused !== undefined;
    this.paused = undefined;
    const happened: Happening[] = [{ is: 'zone', zone, moved }, { is: 'dialogue' }, ...this.goods.enter(zone.zone)];
    if (wasPaused) happened.push({ is: 'pause' });
    return happened;
  }

  #enter(entry: RosterEntry, now: number): void {
    if (entry.id === this.you) return;
    const at = this.clock.gameMs(now);
    const { id, kind, name } = entry;
    this.entities.set(id, {
      id, kind, name,
      tags: entry.tags ?? {}, verbs: entry.verbs ?? [], ghost: entry.ghost ?? false,
      track: new Track(entry, at),
    });
  }

  #update(update: Extract<ServerMsg, { t: 'update' }>, now: number): void {
    this.dilation = update.dilation ?? 1;
    const at = this.clock.observe(update.tick, this.dilation, now);
    for (const [id, x, y, h, flags = 0] of update.e) {
      this.entities.get(id)?.track.push({ x, y, h }, at, (flags & FLAG_JUMP) !== 0, this.clock.tickMs);
    }
  }

  #bubble(id: EntityId, text: string, mode: ChatMode, now: number): void {
    const stay = Math.min(BUBBLE_MS.max, BUBBLE_MS.base + BUBBLE_MS.perCharacter * text.length);
    this.bubbles.set(id, { text, mode, until: now + stay });
  }
}

const STAYS: ReadonlySet<string> = new Set(['swapped', 'rolled_back', 'recovered', 'migrated']);

/** What a player reads for a refused command; others bring their own text. */
const REJECTED: Readonly<Record<string, string>> = {
  too_far: 'You are too far away for that.',
  no_such_target: 'That is not here any more.',
  no_such_verb: 'That cannot be done now.',
  no_such_dialogue: 'That talk is over.',
  module_fault: 'Something went wrong there; it was not your fault.',
  not_delivered: 'That line could not be delivered.',
};

/** The server's words, as one writes them. */
function sentence(text: string): string {
  return text.replace(/^\p{Ll}/u, (first) => first.toUpperCase()).replace(/[\p{L}\p{N})]$/u, '$&.');
}

function ignoredText(names: readonly string[]): string {
  return names.length === 0 ? 'You ignore nobody.' : `You hear nothing of ${names.join(', ')}.`;
}

/** A module's event is free-form; one that is a text, or has one, is shown. */
function eventText(data: unknown): string | undefined {
  if (typeof data === 'string') return data;
  if (typeof data === 'object' && data !== null && typeof (data as { text?: unknown }).text === 'string') {
    return (data as { text: string }).text;
  }
  return undefined;
}
