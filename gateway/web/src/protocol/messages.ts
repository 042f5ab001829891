// The messages of client protocol version 1, as PROTOCOL.md fixes them. Types only: nothing here runs.

/** An entity's id: world-wide, below 2^53. */
export type EntityId = number;

export type ChatMode = 'say' | 'shout' | 'emote' | 'whisper';
export type Kind = 'player' | 'npc' | 'object';
export type TagValue = boolean | number | string;
export type PauseReason = 'swap' | 'migrating' | 'recovering' | 'backplane';
export type ZoneReason = 'entered' | 'crossed' | 'swapped' | 'rolled_back' | 'recovered' | 'migrated' | 'resumed';

export interface ResumeRequest {
  session: string;
  token: string;
  /** The last reliable message this client has. */
  n: number;
  /** The page has lost what it showed: the last lines up to `n` are wanted again. */
  history?: boolean;
}

/** Who wants to come in: a guest under a name, or somebody with a signed login. */
export type Credentials = { name: string } | { ticket: string };

/** What a player can ask for; becomes a {@link Command} when the session numbers it. */
export type Wish =
  | { t: 'chat'; mode: ChatMode; text: string; to?: string }
  | { t: 'interact'; target: EntityId; verb: string; args?: unknown }
  | { t: 'choose'; dialogue: number; option?: string }
  /** Without a name: only asks whom she ignores. */
  | { t: 'ignore'; name?: string }
  | { t: 'unignore'; name: string };

/** A numbered wish. Kept until the server acks it; sending it again is safe. */
export type Command = Wish & { seq: number };

export interface Move {
  t: 'move';
  m: number;
  c: number;
  /** Metres in the region's plane. */
  x: number;
  y: number;
  /** Heading, radians counter-clockwise from +x. */
  h: number;
}

export type ClientMsg =
  | { t: 'hello'; name?: string; ticket?: string; resume?: ResumeRequest; client?: string }
  | Move
  | Command
  | { t: 'ack'; n: number }
  | { t: 'ping'; c: number }
  | { t: 'bye' };

export interface Verb {
  id: string;
  label: string;
  /** From how far it works, metres. */
  reach: number;
}

export interface RosterEntry {
  id: EntityId;
  kind: Kind;
  name: string;
  x: number;
  y: number;
  h: number;
  tags: Record<string, TagValue>;
  verbs: Verb[];
  ghost: boolean;
}

/** `[id, x, y, h, flags?]` */
export type UpdateEntry = [EntityId, number, number, number, number?];

/** Flag of an {@link UpdateEntry}: a jump, do not interpolate. */
export const FLAG_JUMP = 1;

export interface ZoneInfo {
  zone: string;
  region: string;
  /** `[x0, y0, x1, y1]`, metres. */
  bounds: [number, number, number, number];
  x: number;
  y: number;
  h: number;
  c: number;
  /** Walking speed, metres per second of game time. */
  speed: number;
  tick_hz: number;
  tick: number;
  game_ms: number;
  /** Digest of the map, JSON at `/maps/{digest}`. */
  map: string;
  /** Barriers that stand closed now. */
  barriers: string[];
  module: string;
  version: string;
  generation: number;
  reason: ZoneReason;
}

export interface DialogueOption {
  id: string;
  text: string;
}

export interface Dialogue {
  dialogue: number;
  npc: EntityId;
  text: string;
  /** None: the talk is over. */
  options: DialogueOption[];
}

/** A line that somebody says. */
export interface Line {
  from: EntityId;
  name: string;
  mode: ChatMode;
  text: string;
}

export type ServerMsg =
  | { t: 'welcome'; session: string; token: string; you: EntityId; name: string; seq: number }
  | ({ t: 'zone' } & ZoneInfo)
  | { t: 'roster'; enter: RosterEntry[]; leave: EntityId[]; full?: boolean }
  | { t: 'update'; tick: number; e: UpdateEntry[]; dilation?: number }
  | { t: 'correct'; c: number; m: number; x: number; y: number; why: string }
  | ({ t: 'chat'; n: number } & Line)
  | { t: 'history'; lines: Line[] }
  | ({ t: 'dialogue'; n: number } & Dialogue)
  | { t: 'event'; n?: number; name: string; data: unknown }
  | { t: 'tags'; id: EntityId; tags: Record<string, TagValue> }
  | { t: 'verbs'; id: EntityId; verbs: Verb[] }
  | { t: 'name'; id: EntityId; name: string }
  | { t: 'barrier'; id: string; closed: boolean }
  | { t: 'ack'; seq: number }
  | { t: 'reject'; n: number; seq: number; code: string; message: string }
  | { t: 'ignored'; n: number; names: string[] }
  | { t: 'paused'; zone: string; reason: PauseReason }
  | { t: 'resumed'; zone: string; reason: PauseReason }
  | { t: 'pong'; c: number; tick: number }
  /** `gateway`: one that is nearer to where she is now. */
  | { t: 'bye'; code: number; reason: string; retry_ms?: number; gateway?: string };

/** Longest chat line, Unicode scalar values. */
export const CHAT_CHARS = 500;
/** Length of a name, Unicode scalar values. */
export const NAME_CHARS = { min: 2, max: 24 } as const;
/** Commands the server keeps unacked for one session; more is `too_many`. */
export const PENDING_COMMANDS = 64;
