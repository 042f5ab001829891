// The shell around `Session`: one WebSocket, one timer, one storage. Decides nothing.

import { decodeMessage, encodeMessage, SUBPROTOCOL } from './codec.ts';
import type { Command, Credentials, ServerMsg, Wish } from './messages.ts';
import { Session } from './session.ts';
import type { Effect, SavedSession, Status } from './session.ts';

/** What the page is told. */
export interface ConnectionEvents {
  message(message: ServerMsg): void;
  status(status: Status): void;
  /** Commands of a session that could not be resumed. */
  lost(commands: Command[]): void;
}

/** Where a session outlives a reload. */
export interface SessionStore {
  load(): SavedSession | undefined;
  save(saved: SavedSession | undefined): void;
}

/** The part of a browser's WebSocket that is used here. */
export type OpenSocket = (url: string, subprotocol: string) => WebSocket;

/** Bytes that may wait in the socket before moves are left out; the newest one is as good as all of them. */
const MOVE_BACKLOG_BYTES = 4 * 1024;

export class Connection {
  readonly #session = new Session(Math.random);
  readonly #url: string;
  readonly #events: ConnectionEvents;
  readonly #store: SessionStore;
  readonly #openSocket: OpenSocket;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    url: string,
    events: ConnectionEvents,
    store: SessionStore,
    openSocket: OpenSocket = (at, subprotocol) => new WebSocket(at, subprotocol),
  ) {
    this.#url = url;
    this.#events = events;
    this.#store = store;
    this.#openSocket = openSocket;
  }

  login(who: Credentials, saved: SavedSession | undefined): void {
    this.#run(this.#session.login(who, saved, performance.now()));
  }

  leave(): void {
    this.#run(this.#session.leave());
  }

  /** Sends a command, or keeps it until the connection is back. `false`: too many are waiting already. */
  command(wish: Wish): boolean {
    const effects = this.#session.command(wish);
    if (!effects) return false;
    this.#run(effects);
    return true;
  }

  move(c: number, x: number, y: number, h: number): void {
    if (this.#socket && this.#socket.bufferedAmount <= MOVE_BACKLOG_BYTES) this.#run(this.#session.move(c, x, y, h));
  }

  /** Writes the session down as it is now, for a page that is about to go. */
  save(): void {
    const saved = this.#session.saved;
    if (saved) this.#store.save(saved);
  }

  #run(effects: Effect[]): void {
    for (const effect of effects) {
      switch (effect.do) {
        case 'open':
          this.#open(effect.at ?? this.#url);
          break;
        case 'send':
          this.#socket?.send(encodeMessage(effect.message));
          break;
        case 'close':
          this.#drop();
          break;
        case 'deliver':
          this.#events.message(effect.message);
          break;
        case 'save':
          this.#store.save(effect.saved);
          break;
        case 'status':
          this.#events.status(effect.status);
          break;
        case 'lost':
          this.#events.lost(effect.commands);
          break;
      }
    }
    this.#arm();
  }

  #open(url: string): void {
    this.#drop();
    let socket: WebSocket;
    try {
      socket = this.#openSocket(url, SUBPROTOCOL);
    } catch {
      // A page that came over https may not open ws://, whoever named it: as good as a server that can't be reached.
      this.#run(this.#session.closed(1006, '', performance.now()));
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    // A socket that was given up may still speak: only the current one is listened to.
    const current = (act: () => Effect[]): void => {
      if (this.#socket === socket) this.#run(act());
    };
    socket.onopen = () => current(() => this.#session.opened(performance.now()));
    socket.onmessage = (event: MessageEvent) => current(() => {
      const message = decodeMessage(event.data as ArrayBuffer);
      return message ? this.#session.received(message, performance.now()) : [];
    });
    socket.onclose = (event) => current(() => {
      this.#socket = undefined;
      return this.#session.closed(event.code, event.reason, performance.now());
    });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    // Closing before it opened makes browsers log an error, but there is no other way to cancel.
    socket?.close();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const wake = this.#session.nextWake();
    if (wake === undefined) return;
    this.#timer = setTimeout(() => this.#run(this.#session.tick(performance.now())), Math.max(0, wake - performance.now()) + 1);
  }
}
