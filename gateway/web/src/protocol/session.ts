// A player's session as a pure state machine: logging in, numbering and acking, losing the connection and coming back.
//
// Nothing here knows sockets, clocks or storage. Inputs are method calls with the time as an argument; what must be
// done is returned as a list of effects, in order. `connection.ts` is the shell that carries them out.

import { afterClose, backoffMs } from './close.ts';
import { PENDING_COMMANDS } from './messages.ts';
import type { ClientMsg, Command, Credentials, ResumeRequest, ServerMsg, Wish } from './messages.ts';

/** What must survive a reload of the page so that the session goes on. */
export interface SavedSession {
  /** For a new session, should this one be gone. */
  who: Credentials;
  session: string;
  token: string;
  /** Last reliable message received. */
  n: number;
  /** Last command number given out. */
  seq: number;
  /** Last move number given out. */
  m: number;
  /** Commands that no `ack` or `reject` has covered yet, in order. */
  unacked: Command[];
}

/** What the player should be told about the connection. */
export type Status =
  | { is: 'offline' }
  | { is: 'connecting' }
  | { is: 'playing' }
  | { is: 'waiting'; until: number; why: string }
  | { is: 'stopped'; why: string };

export type Effect =
  /** `at`: that gateway's address; none: the page's own server. */
  | { do: 'open'; at?: string }
  | { do: 'send'; message: ClientMsg }
  | { do: 'close' }
  | { do: 'deliver'; message: ServerMsg }
  | { do: 'save'; saved: SavedSession | undefined }
  | { do: 'status'; status: Status }
  /** Commands that a lost session took with it: they may or may not have happened. */
  | { do: 'lost'; commands: Command[] };

/** A connection that neither opens nor welcomes us within this time is given up, ms. */
export const CONNECT_TIMEOUT_MS = 8_000;
/** Time between two pings, ms; the server closes what is silent for 30 s. */
export const PING_EVERY_MS = 10_000;
/** A server not heard of for this long is taken for lost, ms. */
export const SILENCE_MS = 25_000;
/** An ack leaves this long after the first message it covers, ms (the protocol allows 1 s)… */
export const ACK_AFTER_MS = 500;
/** …or when this many wait for it (the protocol allows 32). */
export const ACK_AFTER_MESSAGES = 16;
/** A connection that lasted this long starts the back-off afresh, ms. */
export const STABLE_AFTER_MS = 5_000;
/** Failed attempts in a row before the player is asked; with the back-off's cap about four minutes. */
export const MAX_ATTEMPTS = 32;
/** Added to the saved move number after a reload: moves made after the last save must not repeat a number. */
const MOVES_BETWEEN_SAVES = 100_000;

type State =
  | { is: 'offline' }
  | { is: 'connecting'; deadline: number }
  | { is: 'greeting'; deadline: number }
  | { is: 'playing'; since: number; heardAt: number; pingAt: number; ackAt: number | undefined; ackedN: number }
  | { is: 'waiting'; until: number }
  | { is: 'stopped' };

export class Session {
  #state: State = { is: 'offline' };
  #who: Credentials = { name: '' };
  #saved: SavedSession | undefined;
  #attempt = 0;
  #retryMs = 0;
  /** The gateway to connect to, other than the page's own server. Given up for that as soon as it does not let us in. */
  #gateway: string | undefined;
  /** The last `bye` sends us there. */
  #nearer: string | undefined;
  /** The page is new and shows nothing of what its session has heard. */
  #forgetful = false;
  #pings = 0;
  readonly #random: () => number;

  /** `random` gives numbers in 0..1 for the jitter; tests pass a constant. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Enters as a new player, or goes on with a session saved before a reload. */
  login(who: Credentials, saved: SavedSession | undefined, now: number): Effect[] {
    this.#who = who;
    this.#saved = saved && { ...saved, m: saved.m + MOVES_BETWEEN_SAVES, unacked: [...saved.unacked] };
    this.#attempt = 0;
    this.#gateway = undefined;
    this.#forgetful = saved !== undefined;
    return this.#connect(now);
  }

  /** The socket is open. */
  opened(now: number): Effect[] {
    if (this.#state.is !== 'connecting') return [];
    this.#state = { is: 'greeting', deadline: now + CONNECT_TIMEOUT_MS };
    return [{ do: 'send', message: { t: 'hello', client: 'wod-web', ...this.#credentials() } }];
  }

  /** A message arrived. */
  received(message: ServerMsg, now: number): Effect[] {
    if (message.t === 'bye') {
      this.#retryMs = message.retry_ms ?? 0;
      this.#nearer = message.gateway;
      return [];
    }
    if (this.#state.is === 'greeting') {
      return message.t === 'welcome' ? this.#welcomed(message, now) : [];
    }
    if (this.#state.is !== 'playing') return [];
    this.#state.heardAt = now;
    switch (message.t) {
      case 'welcome':
      case 'pong':
        return [];
      case 'ack':
        return this.#dealtWith(message.seq);
      case 'reject': {
        const effects = this.#numbered(message, message.n, now);
        return effects.length > 0 ? [...effects, ...this.#dealtWith(message.seq)] : effects;
      }
      case 'chat':
      case 'dialogue':
      case 'ignored':
        return this.#numbered(message, message.n, now);
      case 'event':
        return message.n === undefined ? [{ do: 'deliver', message }] : this.#numbered(message, message.n, now);
      default:
        return [{ do: 'deliver', message }];
    }
  }

  /** The socket closed, for whatever reason; also when it never opened. */
  closed(code: number, reason: string, now: number): Effect[] {
    if (this.#state.is === 'offline' || this.#state.is === 'stopped' || this.#state.is === 'waiting') return [];
    const after = afterClose(code, reason);
    switch (after.then) {
      case 'stop':
        return this.#stop(after.why);
      case 'start_anew':
        return [...this.#forget(), ...this.#comeBack('The world has moved on; entering anew…', now)];
      case 'resume':
        if (this.#state.is === 'playing' && this.#nearer !== undefined) {
          this.#gateway = this.#nearer;
          return this.#connect(now);
        }
        return this.#comeBack(WAITING[code] ?? 'The connection was lost. Coming back…', now);
    }
  }

  /** Time has passed; call at {@link nextWake} or later. */
  tick(now: number): Effect[] {
    const state = this.#state;
    switch (state.is) {
      case 'connecting':
      case 'greeting':
        if (now < state.deadline) return [];
        return [{ do: 'close' }, ...this.#comeBack('The server does not answer. Trying again…', now)];
      case 'waiting':
        return now < state.until ? [] : this.#connect(now);
      case 'playing': {
        if (now >= state.heardAt + SILENCE_MS) {
          return [{ do: 'close' }, ...this.#comeBack('The server has fallen silent. Coming back…', now)];
        }
        const effects: Effect[] = [];
        if (state.ackAt !== undefined && now >= state.ackAt) effects.push(...this.#ack());
        if (now >= state.pingAt) {
          state.pingAt = now + PING_EVERY_MS;
          effects.push({ do: 'send', message: { t: 'ping', c: ++this.#pings } });
        }
        return effects;
      }
      default:
        return [];
    }
  }

  /** When {@link tick} has something to do next; `undefined`: only another input can change anything. */
  nextWake(): number | undefined {
    const state = this.#state;
    switch (state.is) {
      case 'connecting':
      case 'greeting':
        return state.deadline;
      case 'waiting':
        return state.until;
      case 'playing':
        return Math.min(state.pingAt, state.heardAt + SILENCE_MS, state.ackAt ?? Infinity);
      default:
        return undefined;
    }
  }

  /**
   * Numbers a command, keeps it until it is acked, and sends it if there is a connection. Answers `undefined`, and
   * does nothing, before the first welcome and while as many are unacked as the server would keep.
   */
  command(wish: Wish): Effect[] | undefined {
    const saved = this.#saved;
    if (!saved || this.#state.is === 'stopped' || saved.unacked.length >= PENDING_COMMANDS) return undefined;
    const command: Command = { ...wish, seq: saved.seq + 1 };
    saved.seq = command.seq;
    saved.unacked.push(command);
    const effects: Effect[] = [this.#save()];
    if (this.#state.is === 'playing') effects.push({ do: 'send', message: command });
    return effects;
  }

  /** Claims a position. Moves are never repeated: without a connection this one is left out. */
  move(c: number, x: number, y: number, h: number): Effect[] {
    if (this.#state.is !== 'playing' || !this.#saved) return [];
    this.#saved.m += 1;
    return [{ do: 'send', message: { t: 'move', m: this.#saved.m, c, x, y, h } }];
  }

  /** Leaves the world for good. */
  leave(): Effect[] {
    const effects: Effect[] = [];
    if (this.#state.is === 'playing') effects.push({ do: 'send', message: { t: 'bye' } });
    effects.push({ do: 'close' }, ...this.#forget());
    this.#state = { is: 'offline' };
    effects.push({ do: 'status', status: { is: 'offline' } });
    return effects;
  }

  /** The session as it would have to be saved now. */
  get saved(): SavedSession | undefined {
    return this.#saved && { ...this.#saved, unacked: [...this.#saved.unacked] };
  }

  #credentials(): Credentials | { resume: ResumeRequest } {
    if (!this.#saved) return this.#who;
    const { session, token, n } = this.#saved;
    return { resume: this.#forgetful ? { session, token, n, history: true } : { session, token, n } };
  }

  #connect(now: number): Effect[] {
    this.#state = { is: 'connecting', deadline: now + CONNECT_TIMEOUT_MS };
    this.#retryMs = 0;
    this.#nearer = undefined;
    const open: Effect = this.#gateway === undefined ? { do: 'open' } : { do: 'open', at: this.#gateway };
    return [{ do: 'status', status: { is: 'connecting' } }, open];
  }

  #welcomed(welcome: Extract<ServerMsg, { t: 'welcome' }>, now: number): Effect[] {
    const effects: Effect[] = [];
    const former = this.#saved;
    this.#forgetful = false;
    if (former?.session === welcome.session) {
      former.token = welcome.token;
      former.unacked = former.unacked.filter((command) => command.seq > welcome.seq);
    } else {
      effects.push(...this.#forget());
      const { session, token, seq } = welcome;
      this.#saved = { who: this.#who, session, token, n: 0, seq, m: 0, unacked: [] };
    }
    const saved = this.#saved!;
    this.#state = {
      is: 'playing', since: now, heardAt: now, pingAt: now + PING_EVERY_MS, ackAt: undefined, ackedN: saved.n,
    };
    effects.push(this.#save());
    for (const command of saved.unacked) effects.push({ do: 'send', message: command });
    effects.push({ do: 'status', status: { is: 'playing' } }, { do: 'deliver', message: welcome });
    return effects;
  }

  /** A reliable message: repeats are dropped, a gap makes us resume, which brings what is missing. */
  #numbered(message: ServerMsg, n: number, now: number): Effect[] {
    const state = this.#state;
    const saved = this.#saved;
    if (state.is !== 'playing' || !saved) return [];
    if (n > saved.n + 1) return [{ do: 'close' }, ...this.#comeBack('A message was lost. Fetching it…', now)];
    const repeat = n <= saved.n;
    if (!repeat) saved.n = n;
    state.ackAt ??= now + ACK_AFTER_MS;
    const effects: Effect[] = repeat ? [] : [this.#save(), { do: 'deliver', message }];
    if (saved.n - state.ackedN >= ACK_AFTER_MESSAGES) effects.push(...this.#ack());
    return effects;
  }

  #ack(): Effect[] {
    if (this.#state.is !== 'playing' || !this.#saved) return [];
    this.#state.ackAt = undefined;
    this.#state.ackedN = this.#saved.n;
    return [{ do: 'send', message: { t: 'ack', n: this.#saved.n } }];
  }

  #dealtWith(seq: number): Effect[] {
    if (!this.#saved || this.#saved.unacked.every((command) => command.seq > seq)) return [];
    this.#saved.unacked = this.#saved.unacked.filter((command) => command.seq > seq);
    return [this.#save()];
  }

  #comeBack(why: string, now: number): Effect[] {
    if (this.#state.is === 'playing' && now >= this.#state.since + STABLE_AFTER_MS) this.#attempt = 0;
    // Who was let in there comes back there first, who was not to the page's own server.
    if (this.#state.is !== 'playing') this.#gateway = undefined;
    if (this.#attempt >= MAX_ATTEMPTS) return this.#stop('The server cannot be reached. Please try again later.');
    const until = now + backoffMs(this.#attempt, this.#retryMs, this.#random());
    this.#attempt += 1;
    this.#state = { is: 'waiting', until };
    return [{ do: 'status', status: { is: 'waiting', until, why } }];
  }

  #stop(why: string): Effect[] {
    const effects = this.#forget();
    this.#state = { is: 'stopped' };
    return [...effects, { do: 'status', status: { is: 'stopped', why } }];
  }

  #forget(): Effect[] {
    if (!this.#saved) return [];
    const { unacked } = this.#saved;
    this.#saved = undefined;
    const effects: Effect[] = [{ do: 'save', saved: undefined }];
    if (unacked.length > 0) effects.push({ do: 'lost', commands: unacked });
    return effects;
  }

  #save(): Effect {
    return { do: 'save', saved: this.saved };
  }
}

const WAITING: Readonly<Record<number, string>> = {
  4100: 'The server is restarting. Coming back…',
  4101: 'The connection is too slow. Coming back…',
  4102: 'Too much at once. Taking a breath…',
  4103: 'The world is full. Trying again…',
};
