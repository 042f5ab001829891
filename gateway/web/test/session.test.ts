import { describe, expect, test } from 'vitest';
import type { ServerMsg } from '../src/protocol/messages.ts';
import { PENDING_COMMANDS } from '../src/protocol/messages.ts';
import {
  ACK_AFTER_MESSAGES, ACK_AFTER_MS, CONNECT_TIMEOUT_MS, MAX_ATTEMPTS, PING_EVERY_MS, Session, SILENCE_MS, STABLE_AFTER_MS,
} from '../src/protocol/session.ts';
import type { Effect, SavedSession } from '../src/protocol/session.ts';

describe('entering', () => {
  test('a guest says hello with her name once the socket is open', () => {
    const session = newSession();
    expect(kinds(session.login({ name: 'Ann' }, undefined, 0))).toEqual(['status:connecting', 'open']);
    expect(sent(session.opened(5))).toEqual([{ t: 'hello', client: 'wod-web', name: 'Ann' }]);
    expect(kinds(session.received(WELCOME, 10))).toEqual(['save', 'status:playing', 'deliver:welcome']);
  });

  test('a saved session is resumed with the last message it has, and asks for what the new page does not show', () => {
    const session = newSession();
    session.login({ name: 'Ann' }, SAVED, 0);
    expect(sent(session.opened(5))).toEqual([
      { t: 'hello', client: 'wod-web', resume: { session: 's', token: 'old', n: 7, history: true } },
    ]);
    session.received({ ...WELCOME, token: 'new', seq: 4 }, 10);
    expect(kinds(session.received(HISTORY, 11))).toEqual(['deliver:history']);
    // The same page over another connection shows it all.
    session.closed(1006, '', 20);
    session.tick(60_000);
    expect(sent(session.opened(60_001))).toEqual([
      { t: 'hello', client: 'wod-web', resume: { session: 's', token: 'new', n: 7 } },
    ]);
  });

  test('a page whose first resume fails asks again', () => {
    const session = newSession();
    session.login({ name: 'Ann' }, SAVED, 0);
    session.opened(5);
    session.closed(1006, '', 10);
    session.tick(60_000);
    expect(sent(session.opened(60_001))).toMatchObject([{ resume: { history: true } }]);
  });

  test('a server that does not answer is given up and tried again', () => {
    const session = newSession();
    session.login({ name: 'Ann' }, undefined, 0);
    expect(session.tick(CONNECT_TIMEOUT_MS - 1)).toEqual([]);
    expect(kinds(session.tick(CONNECT_TIMEOUT_MS))).toEqual(['close', 'status:waiting']);
  });

  test('anything before welcome is left alone', () => {
    const session = newSession();
    session.login({ name: 'Ann' }, undefined, 0);
    session.opened(0);
    expect(session.received(chat(1), 1)).toEqual([]);
  });
});

describe('commands', () => {
  test('they are numbered from 1 without gaps over all kinds', () => {
    const session = playing();
    const numbers = [
      session.command({ t: 'chat', mode: 'say', text: 'hi' }),
      session.command({ t: 'interact', target: 3, verb: 'talk' }),
      session.command({ t: 'choose', dialogue: 1 }),
    ].map((effects) => sent(effects ?? [])[0]);
    expect(numbers).toMatchObject([{ seq: 1 }, { seq: 2 }, { seq: 3 }]);
  });

  test('after a resume exactly those behind welcome.seq are sent again, in order, before the page hears of it', () => {
    const session = playing();
    for (const text of ['one', 'two', 'three']) session.command({ t: 'chat', mode: 'say', text });
    session.closed(1006, '', 100);
    session.command({ t: 'chat', mode: 'say', text: 'while away' });
    session.tick(10_000);
    session.opened(10_001);
    const effects = session.received({ ...WELCOME, token: 'new', seq: 1 }, 10_002);
    expect(sent(effects)).toMatchObject([
      { seq: 2, text: 'two' }, { seq: 3, text: 'three' }, { seq: 4, text: 'while away' },
    ]);
    expect(kinds(effects).at(-1)).toBe('deliver:welcome');
    expect(session.saved?.token).toBe('new');
  });

  test('an ack covers every command up to its seq', () => {
    const session = playing();
    for (let i = 0; i < 3; i += 1) session.command({ t: 'choose', dialogue: i });
    session.received({ t: 'ack', seq: 2 }, 1);
    expect(session.saved?.unacked.map(({ seq }) => seq)).toEqual([3]);
  });

  test('a reject counts as dealt with and reaches the player', () => {
    const session = playing();
    session.command({ t: 'choose', dialogue: 1 });
    const reject: ServerMsg = { t: 'reject', n: 1, seq: 1, code: 'no_such_dialogue', message: '' };
    expect(kinds(session.received(reject, 1))).toContain('deliver:reject');
    expect(session.saved?.unacked).toEqual([]);
  });

  test('more than the server would keep are not taken', () => {
    const session = playing();
    for (let i = 0; i < PENDING_COMMANDS; i += 1) expect(session.command({ t: 'choose', dialogue: i })).toBeDefined();
    expect(session.command({ t: 'choose', dialogue: 0 })).toBeUndefined();
    session.received({ t: 'ack', seq: 1 }, 1);
    expect(session.command({ t: 'choose', dialogue: 0 })).toBeDefined();
  });

  test('moves go on counting after a reload', () => {
    const session = newSession();
    session.login({ name: 'Ann' }, SAVED, 0);
    session.opened(0);
    session.received({ ...WELCOME, seq: 4 }, 0);
    const [move] = sent(session.move(0, 1, 2, 3));
    expect(move).toMatchObject({ t: 'move', x: 1, y: 2, h: 3 });
    expect((move as { m: number }).m).toBeGreaterThan(SAVED.m);
  });
});

describe('reliable messages', () => {
  test('a repeat is not shown twice, but acked again', () => {
    const session = playing();
    expect(kinds(session.received(chat(1), 0))).toEqual(['save', 'deliver:chat']);
    session.tick(ACK_AFTER_MS);
    expect(session.received(chat(1), 1_000)).toEqual([]);
    expect(sent(session.tick(1_000 + ACK_AFTER_MS))).toEqual([{ t: 'ack', n: 1 }]);
  });

  test('the ack leaves in time', () => {
    const session = playing();
    session.received(chat(1), 100);
    session.received(chat(2), 300);
    expect(session.nextWake()).toBe(100 + ACK_AFTER_MS);
    expect(sent(session.tick(100 + ACK_AFTER_MS))).toEqual([{ t: 'ack', n: 2 }]);
  });

  test('or as soon as many wait for it', () => {
    const session = playing();
    const effects = Array.from({ length: ACK_AFTER_MESSAGES }, (_, i) => session.received(chat(i + 1), 0)).flat();
    expect(sent(effects)).toEqual([{ t: 'ack', n: ACK_AFTER_MESSAGES }]);
  });

  test('whom we ignore is among them', () => {
    const session = playing();
    const ignored: ServerMsg = { t: 'ignored', n: 1, names: ['Bob'] };
    expect(kinds(session.received(ignored, 0))).toEqual(['save', 'deliver:ignored']);
    expect(session.received(ignored, 1)).toEqual([]);
  });

  test('a gap makes us resume from the last one we have', () => {
    const session = playing();
    session.received(chat(1), 0);
    expect(kinds(session.received(chat(3), 1))).toEqual(['close', 'status:waiting']);
    session.tick(60_000);
    expect(sent(session.opened(60_001))).toMatchObject([{ resume: { n: 1 } }]);
  });
});

describe('losing the connection', () => {
  test.each([1006, 4100, 4101, 4102, 4103])('%i resumes', (code) => {
    const session = playing();
    expect(kinds(session.closed(code, '', 0))).toEqual(['status:waiting']);
    expect(kinds(session.tick(20_000))).toEqual(['status:connecting', 'open']);
    expect(sent(session.opened(20_000))).toMatchObject([{ resume: { session: 's' } }]);
  });

  test('retry_ms of the bye is waited for', () => {
    const session = playing();
    session.received({ t: 'bye', code: 4100, reason: 'restart', retry_ms: 4_000 }, 0);
    session.closed(4100, 'restart', 0);
    expect(session.nextWake()).toBeGreaterThanOrEqual(4_000);
    expect(session.tick(3_999)).toEqual([]);
  });

  test('a bye that names a gateway is followed there at once, with the session and all that is unacked', () => {
    const session = playing();
    session.command({ t: 'chat', mode: 'say', text: 'on the train' });
    session.received({ ...NEARER }, 10);
    expect(session.closed(4100, NEARER.reason, 10).at(-1)).toEqual({ do: 'open', at: NEARER.gateway });
    expect(sent(session.opened(20))).toMatchObject([{ resume: { session: 's' } }]);
    expect(sent(session.received(WELCOME, 30))).toMatchObject([{ seq: 1, text: 'on the train' }]);
    // A connection lost later is sought there first.
    session.closed(1006, '', 10_000);
    expect(session.tick(20_000).at(-1)).toEqual({ do: 'open', at: NEARER.gateway });
  });

  test.each(['closed', 'silent'])('a named gateway that is %s is given up for the page’s own server', (how) => {
    const session = playing();
    session.received({ ...NEARER }, 10);
    session.closed(4100, NEARER.reason, 10);
    if (how === 'closed') session.closed(1006, '', 20);
    else session.tick(10 + CONNECT_TIMEOUT_MS);
    expect(session.tick(60_000).at(-1)).toEqual({ do: 'open' });
    expect(sent(session.opened(60_001))).toMatchObject([{ resume: { session: 's' } }]);
  });

  test.each([1000, 4000, 4003, 4004, 4005])('%i stops for good and forgets the session', (code) => {
    const session = playing();
    expect(kinds(session.closed(code, '', 0))).toEqual(['save', 'status:stopped']);
    expect(session.nextWake()).toBeUndefined();
    expect(session.saved).toBeUndefined();
  });

  test('4104 enters anew under the same name and says which commands are uncertain', () => {
    const session = playing();
    session.command({ t: 'chat', mode: 'say', text: 'hello?' });
    const effects = session.closed(4104, 'expired', 0);
    expect(effects).toContainEqual({ do: 'lost', commands: [{ t: 'chat', mode: 'say', text: 'hello?', seq: 1 }] });
    session.tick(20_000);
    expect(sent(session.opened(20_000))).toEqual([{ t: 'hello', client: 'wod-web', name: 'Ann' }]);
    session.received({ ...WELCOME, session: 'other', you: 9 }, 20_001);
    expect(session.saved).toMatchObject({ session: 'other', n: 0, seq: 0, unacked: [] });
  });

  test('waits grow while it fails and start afresh after a stable connection', () => {
    const session = playing();
    let now = 100_000;
    const waits: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      session.closed(1006, '', now);
      waits.push(session.nextWake()! - now);
      now = session.nextWake()!;
      session.tick(now);
    }
    expect(waits).toEqual([250, 500, 1000, 2000]);
    session.opened(now);
    session.received(WELCOME, now);
    session.closed(1006, '', now + STABLE_AFTER_MS - 1);
    expect(session.nextWake()! - (now + STABLE_AFTER_MS - 1)).toBe(4000);
    now = session.nextWake()!;
    session.tick(now);
    session.opened(now);
    session.received(WELCOME, now);
    session.closed(1006, '', now + STABLE_AFTER_MS);
    expect(session.nextWake()! - (now + STABLE_AFTER_MS)).toBe(250);
  });

  test('after many failures in a row the player is asked', () => {
    const session = newSession();
    session.login({ name: 'Ann' }, undefined, 0);
    let last: Effect[] = [];
    let now = 0;
    for (let i = 0; i <= MAX_ATTEMPTS; i += 1) {
      last = session.closed(1006, '', now);
      now = session.nextWake() ?? now;
      session.tick(now);
    }
    expect(kinds(last)).toEqual(['status:stopped']);
  });

  test('a silent server is pinged, then taken for lost', () => {
    const session = playing();
    expect(sent(session.tick(PING_EVERY_MS))).toEqual([{ t: 'ping', c: 1 }]);
    session.received({ t: 'pong', c: 1, tick: 1 }, PING_EVERY_MS + 50);
    expect(kinds(session.tick(PING_EVERY_MS + 50 + SILENCE_MS))).toEqual(['close', 'status:waiting']);
  });

  test('leaving says bye and forgets', () => {
    const session = playing();
    expect(kinds(session.leave())).toEqual(['send:bye', 'close', 'save', 'status:offline']);
    expect(session.closed(1000, '', 1)).toEqual([]);
  });
});

const WELCOME: Extract<ServerMsg, { t: 'welcome' }> = { t: 'welcome', session: 's', token: 't', you: 4, name: 'Ann', seq: 0 };
const HISTORY: ServerMsg = { t: 'history', lines: [{ from: 5, name: 'Bob', mode: 'say', text: 'before' }] };
const NEARER = { t: 'bye', code: 4100, reason: 'another gateway is nearer to you', gateway: 'ws://la:7700/ws' } as const;
const SAVED: SavedSession = { who: { name: 'Ann' }, session: 's', token: 'old', n: 7, seq: 4, m: 90, unacked: [] };

/** Without luck: the longest wait each time. */
function newSession(): Session {
  return new Session(() => 1);
}

function playing(): Session {
  const session = newSession();
  session.login({ name: 'Ann' }, undefined, 0);
  session.opened(0);
  session.received(WELCOME, 0);
  return session;
}

function chat(n: number): ServerMsg {
  return { t: 'chat', n, from: 5, name: 'Bob', mode: 'say', text: `line ${n}` };
}

function sent(effects: Effect[]): unknown[] {
  return effects.flatMap((effect) => (effect.do === 'send' ? [effect.message] : []));
}

function kinds(effects: Effect[]): string[] {
  return effects.map((effect) => {
    switch (effect.do) {
      case 'send':
      case 'deliver':
        return `${effect.do}:${effect.message.t}`;
      case 'status':
        return `status:${effect.status.is}`;
      default:
        return effect.do;
    }
  });
}
