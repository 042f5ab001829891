// One session of the protocol over `ws`: connects, resumes, acks, keeps unacked commands, knows who is near.

import { EventEmitter } from 'node:events';
import { decode, encode } from '@msgpack/msgpack';
import WebSocket from 'ws';

/** Reliable messages are acked this long after the first, ms; the protocol allows 1 s. */
const ACK_AFTER = 300;
const PING_EVERY = 10_000;
/** Waits before coming back, ms: doubling between these, at most this many in a row. */
const BACKOFF = { first: 200, most: 5_000, attempts: 10 };

/** Emits every message of the server under its `t`; reliable ones once each. */
export class Client extends EventEmitter {
  // What the server told of us.
  session; you; name; zone; x = 0; y = 0;
  paused = false;
  rosterIsFull = false;
  entities = new Map();
  // What happened.
  heard = [];
  rejects = new Map();
  updates = 0;
  corrections = 0;
  /** Last reliable message received, last command dealt with. */
  n = 0;
  acked = 0;

  #options; #socket; #token; #failure; #ackTimer; #pingTimer;
  #seq = 0;
  #unacked = [];
  #m = 0;
  #c = 0;
  #attempt = 0;
  #retryMs = 0;
  /** A gateway that a `bye` has named; none: the one of the options. */
  #gateway;
  #nearer;

  constructor(options) {
    super();
    this.#options = options;
    this.name = options.name;
  }

  /** Opens a connection: the first time as a guest, later to go on with the session. */
  connect() {
    const socket = new WebSocket(this.#gateway ?? this.#options.url, `wod.v1.${this.#options.encoding}`);
    this.#socket = socket;
    socket.on('open', () => {
      const resume = this.#token && { session: this.session, token: this.#token, n: this.n };
      this.#send(resume ? { t: 'hello', client: 'test-client', resume } : { t: 'hello', client: 'test-client', name: this.name });
    });
    socket.on('message', (data, binary) => {
      if (socket === this.#socket) this.#received(binary ? decode(data) : JSON.parse(data.toString()));
    });
    socket.on('error', (error) => this.#options.log(`socket  ${error.message}`));
    socket.on('close', (code, reason) => {
      if (socket === this.#socket) this.#closed(code, reason.toString());
    });
  }

  /** Cuts the connection without a word, as a lost network would. */
  drop() {
    const socket = this.#socket;
    this.#rest();
    socket.terminate();
  }

  /** Leaves the world. */
  bye() {
    this.#send({ t: 'bye' });
    const socket = this.#socket;
    this.#rest();
    socket.close();
  }

  /** Throws what ended the session for good, if anything did. */
  check() {
    if (this.#failure) throw this.#failure;
  }

  /** Sends a `chat`, `interact` or `choose`, now and after every resume until it is acked; answers its number. */
  command(wish) {
    const command = { ...wish, seq: ++this.#seq };
    this.#unacked.push(command);
    this.#send(command);
    return command.seq;
  }

  /** Claims a position and takes it for granted until a `correct` says otherwise. */
  moveTo(x, y, h) {
    this.x = x;
    this.y = y;
    this.#send({ t: 'move', m: ++this.#m, c: this.#c, x, y, h });
  }

  #send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(this.#options.encoding === 'msgpack' ? encode(message, { ignoreUndefined: true }) : JSON.stringify(message));
  }

  #received(message) {
    if (message.n !== undefined && !this.#isNew(message.n)) return;
    switch (message.t) {
      case 'welcome':
        this.#welcomed(message);
        break;
      case 'zone':
        if (this.zone?.zone !== message.zone) this.entities.clear();
        this.zone = message;
        this.paused = false;
        this.#placed(message);
        break;
      case 'roster':
        if (message.full) this.entities.clear();
        this.rosterIsFull ||= message.full === true;
        for (const id of message.leave) this.entities.delete(id);
        for (const entity of message.enter) this.entities.set(entity.id, entity);
        break;
      case 'update':
        this.updates += 1;
        for (const [id, x, y, h] of message.e) Object.assign(this.entities.get(id) ?? {}, { x, y, h });
        break;
      case 'correct':
        this.corrections += 1;
        this.#placed(message);
        break;
      case 'chat':
        this.heard.push(message);
        break;
      case 'reject':
        this.rejects.set(message.seq, message);
        this.#dealtWith(message.seq);
        break;
      case 'ack':
        this.#dealtWith(message.seq);
        break;
      case 'paused':
      case 'resumed':
        this.paused = message.t === 'paused';
        break;
      case 'bye':
        this.#retryMs = message.retry_ms ?? 0;
        this.#nearer = message.gateway;
        break;
      default: // later additions are none of our business
    }
    this.emit(message.t, message);
  }

  #welcomed({ session, token, you, name, seq }) {
    if (this.session !== undefined && session !== this.session) {
      this.#fail(`resumed, but got session ${session} for ${this.session}`);
      return;
    }
    Object.assign(this, { session, you, name });
    this.#token = token;
    this.#attempt = 0;
    this.#dealtWith(seq);
    for (const command of this.#unacked) this.#send(command);
    clearInterval(this.#pingTimer);
    this.#pingTimer = setInterval(() => this.#send({ t: 'ping', c: Date.now() }), PING_EVERY);
  }

  #placed({ x, y, c }) {
    Object.assign(this, { x, y });
    this.#c = c;
  }

  /** Counts a reliable message; repeats are acked again, gaps must not be. */
  #isNew(n) {
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined;
      this.#send({ t: 'ack', n: this.n });
    }, ACK_AFTER);
    if (n > this.n + 1) this.#fail(`a reliable message is missing: n = ${n} after ${this.n}`);
    if (n <= this.n) return false;
    this.n = n;
    return true;
  }

  #dealtWith(seq) {
    this.acked = Math.max(this.acked, seq);
    this.#unacked = this.#unacked.filter((command) => command.seq > seq);
  }

  /** The table of close codes: 4000 to 4099 end it, 4100 to 4199 and lost connections come back. */
  #closed(code, reason) {
    this.#rest();
    const ended = code === 1000 || code === 1009 || (code >= 4000 && code <= 4099) || code === 4104;
    if (ended || ++this.#attempt > BACKOFF.attempts) {
      this.#fail(`the connection was closed: ${code} ${reason}`);
      return;
    }
    // A gateway that can't be reached, or was lost, is given up for our own.
    [this.#gateway, this.#nearer] = [this.#nearer, undefined];
    if (this.#gateway !== undefined) {
      this.#options.log(`closed  ${code} ${reason}; going on at ${this.#gateway}`);
      this.connect();
      return;
    }
    const wait = this.#retryMs + Math.min(BACKOFF.most, BACKOFF.first * 2 ** this.#attempt) * (0.5 + Math.random() / 2);
    this.#retryMs = 0;
    this.#options.log(`closed  ${code} ${reason}; coming back in ${Math.round(wait)} ms`);
    setTimeout(() => this.connect(), wait);
  }

  #rest() {
    this.#socket = undefined;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
  }

  #fail(why) {
    this.#failure ??= new Error(why);
  }
}
