import { describe, expect, test } from 'vitest';
import type { ServerMsg, Verb } from '../src/protocol/messages.ts';
import { areOnTable, differenceText, Goods } from '../src/world/goods.ts';
import type { GoodsNews, Thing } from '../src/world/goods.ts';
import { World } from '../src/world/model.ts';
import { useOf } from '../src/world/uses.ts';
import { ageText } from '../src/ui/board.ts';
import { stateText } from '../src/ui/trade.ts';

describe('what one carries', () => {
  test('comes in pages, and changes by what is set and what is gone', () => {
    const goods = atDocks();
    goods.apply('purse', { page: 0, pages: 2, room: 256, things: [coins(7)] });
    goods.apply('purse', { page: 1, pages: 2, room: 256, things: [{ id: 'b', kind: 'key' }] });
    expect(goods.purse!.things).toEqual([stack('a', 'coin', 7), single('b', 'key')]);
    const news = goods.apply('goods', { set: [coins(4), { id: 'c', kind: 'rope' }], gone: ['b'] });
    expect(goods.purse!.things).toEqual([stack('a', 'coin', 4), single('c', 'rope')]);
    expect(news).toEqual([{ is: 'purse' }, { is: 'notice', text: 'You have got: rope. Gone: 3 × coin, key.' }]);
  });

  test('told anew it takes the place of what was told before, without a word', () => {
    const goods = atDocks();
    goods.apply('purse', { page: 0, pages: 1, room: 256, things: [coins(7)] });
    expect(goods.apply('purse', { page: 0, pages: 1, room: 256, things: [coins(2)] })).toEqual([{ is: 'purse' }]);
    expect(goods.purse!.things).toEqual([stack('a', 'coin', 2)]);
  });

  test('is kept in a zone that knows nothing of it, which has a purse of its own if it tells of one', () => {
    const goods = atDocks();
    goods.apply('purse', { page: 0, pages: 1, room: 256, things: [coins(7)] });
    goods.enter('nyc.streets');
    expect([goods.purse!.things.length, goods.purse!.zone, goods.isHere]).toEqual([1, 'nyc.docks', false]);
    goods.apply('goods', { set: [{ id: 'z', kind: 'pass' }], gone: [] });
    expect([goods.purse!.things, goods.isHere]).toEqual([[single('z', 'pass')], true]);
  });

  test('the same of another id is no change that people read', () => {
    expect(differenceText([stack('a', 'coin', 5)], [stack('a', 'coin', 3), stack('b', 'coin', 2)])).toBe('');
    expect(differenceText([], [stack('a', 'coin', 1)])).toBe('You have got: coin.');
  });
});

describe('a trade', () => {
  test('is told from our side, turn by turn', () => {
    const goods = atDocks();
    expect(goods.apply('trade', trade('asked'))).toEqual([{ is: 'trade' }]);
    goods.apply('trade', trade('open'));
    expect(goods.trade).toMatchObject({ trade: 12, with: 5, name: 'Bob', state: 'open', turn: 0, before: 'asked', changed: false });
    goods.apply('trade', trade('open', { turn: 1, theirs: table([coins(3)]) }));
    expect(goods.trade!.changed).toBe(true);
    expect(stateText(goods.trade!)).toBe('Bob has changed the offer. Now Bob gives 3 × coin, you give nothing.');
    goods.apply('trade', trade('open', { turn: 1, theirs: table([coins(3)], true) }));
    expect([goods.trade!.changed, goods.trade!.theirs.accepted]).toEqual([false, true]);
    expect(stateText(goods.trade!)).toBe('Bob accepts: Bob gives 3 × coin, you give nothing.');
    goods.apply('trade', trade('done', { turn: 1, theirs: table([coins(3)], true) }));
    expect(stateText(goods.trade!)).toBe('Bob gave 3 × coin, you gave nothing.');
  });

  test.each([
    ['asking', 'declined', 'Bob does not want to trade. Nothing has changed hands.'],
    ['asking', 'timed_out', 'There was no answer. Nothing has changed hands.'],
    ['open', 'timed_out', 'It took too long. Nothing has changed hands.'],
    ['open', 'too_far', 'You and Bob are too far apart. Nothing has changed hands.'],
    ['open', 'away', 'One of you has lost the connection. Nothing has changed hands.'],
    ['open', 'of a later version', 'The trade is off. Nothing has changed hands.'],
  ])('that was %s and ends, %s, says why', (state, why, text) => {
    const goods = atDocks();
    goods.apply('trade', trade(state));
    goods.apply('trade', trade('ended', { why }));
    expect(stateText(goods.trade!)).toBe(text);
  });

  test('ends for who goes to another zone, whether she is told or not', () => {
    const goods = atDocks();
    goods.apply('trade', trade('open'));
    expect(goods.enter('nyc.docks')).toEqual([]);
    expect(goods.trade!.state).toBe('open');
    goods.enter('nyc.streets');
    expect(goods.trade).toMatchObject({ state: 'ended', why: 'left' });
    goods.apply('trade', trade('ended', { why: 'left' }));
    expect(stateText(goods.trade!)).toBe('You and Bob have parted. Nothing has changed hands.');
  });

  test('picks are on the table when ids and numbers agree, in whatever order', () => {
    const things = [stack('a', 'coin', 3), single('b', 'key')];
    expect(areOnTable([{ id: 'b' }, { id: 'a', count: 3 }], things)).toBe(true);
    expect(areOnTable([{ id: 'b' }, { id: 'a', count: 2 }], things)).toBe(false);
    expect(areOnTable([{ id: 'b' }], things)).toBe(false);
  });
});

describe('a container and a board', () => {
  test('a container shows what is in it until it is closed, and only the open one changes', () => {
    const goods = atDocks();
    goods.apply('container', { container: 9, page: 0, pages: 1, room: 6, things: [coins(3)] });
    expect(goods.apply('container_changed', { container: 8, set: [], gone: ['a'] })).toBeUndefined();
    goods.apply('container_changed', { container: 9, set: [{ id: 'b', kind: 'key' }], gone: ['a'] });
    expect(goods.container!.things).toEqual([single('b', 'key')]);
    goods.apply('container_closed', { container: 9 });
    expect(goods.container).toBeUndefined();
  });

  test('a board shows its notes and how old they are', () => {
    const goods = atDocks();
    const note = { note: 17, by: 'Ann', yours: true, age_s: 7_300, text: 'Boat for sale.' };
    goods.apply('board', { board: 9, page: 0, pages: 1, notes: [note] });
    expect(goods.board!.notes).toEqual([{ note: 17, by: 'Ann', yours: true, age: 7_300, text: 'Boat for sale.' }]);
    expect([0, 61, 7_300, 200_000].map(ageText)).toEqual(['just now', '1 min ago', '2 h ago', '2 d ago']);
  });
});

describe('deeds', () => {
  test('what takes time is under way until it is over, and who walks off reads why', () => {
    const goods = atDocks();
    goods.apply('progress', { verb: 'lift', target: 9, done_ms: 500, all_ms: 2_000 });
    expect(goods.progress).toEqual({ verb: 'lift', target: 9, done: 500, all: 2_000 });
    expect(goods.apply('progress_over', { verb: 'lift', target: 9, how: 'done' })).toEqual([{ is: 'progress' }]);
    expect(goods.progress).toBeUndefined();
    expect(texts(goods.apply('progress_over', { verb: 'lift', target: 9, how: 'moved' }))).toEqual(['Nothing came of it: that takes a moment on the spot.']);
    expect(texts(goods.apply('progress_over', { verb: 'lift', target: 9, how: 'failed', text: 'It is nailed down.' }))).toEqual(['It is nailed down.']);
  });

  test('what somebody is seen to do has her name', () => {
    expect(atDocks().apply('seen', { who: 5, name: 'Bob', target: 1, text: 'hands something to Ann' }))
      .toEqual([{ is: 'deed', from: 5, name: 'Bob', text: 'hands something to Ann' }]);
  });
});

describe('a module may send anything', () => {
  const odd: [string, unknown][] = [
    ['purse', { things: [{ id: 1, kind: 'coin' }] }],
    ['purse', null],
    ['purse', { page: 0, things: 'all' }],
    ['goods', { set: [], gone: [5] }],
    ['trade', { trade: 1, with: 2, name: 'Bob', state: 'haggling', turn: 0, yours: table([]), theirs: table([]) }],
    ['trade', { trade: 1, with: 2, name: 'Bob', state: 'open', turn: 0, yours: {}, theirs: table([]) }],
    ['container', { container: -1, page: 0, things: [] }],
    ['board', { board: 1, page: 0, pages: 1, notes: [{}] }],
    ['progress', { verb: 'lift', target: 9, done_ms: 0, all_ms: 0 }],
    ['seen', ['who', 'name', 'text']],
    ['constructor', {}],
  ];
  test.each(odd)('%s %j is no news', (name, data) => {
    const goods = atDocks();
    expect(goods.apply(name, data)).toBeUndefined();
    expect([goods.purse, goods.trade, goods.container, goods.board, goods.progress]).toEqual(Array(5).fill(undefined));
  });

  test('such an event with a text is read as any other', () => {
    const world = new World();
    const event = (data: unknown): ServerMsg => ({ t: 'event', n: 1, name: 'purse', data });
    expect(world.apply(event({ text: 'It is empty.' }), 0)).toEqual([{ is: 'notice', text: 'It is empty.' }]);
    expect(world.apply(event({ page: 0, things: [coins(1)] }), 0)).toEqual([{ is: 'purse' }]);
  });
});

test('another avatar begins with nothing, the same one keeps what it has', () => {
  const world = new World();
  const welcome: ServerMsg = { t: 'welcome', session: 's', token: 't', you: 1, name: 'Ann', seq: 0 };
  world.apply(welcome, 0);
  world.apply({ t: 'event', n: 1, name: 'purse', data: { page: 0, things: [coins(1)] } }, 0);
  world.apply(welcome, 0);
  expect(world.goods.purse).toBeDefined();
  world.apply({ ...welcome, you: 2 }, 0);
  expect(world.goods.purse).toBeUndefined();
});

test('verbs of the SDK that take more than a click have their panel; an author\'s of the same name do not', () => {
  const of = (kind: 'player' | 'object', tags: Record<string, boolean>, ...ids: string[]) => {
    const verbs: Verb[] = ids.map((id) => ({ id, label: id, reach: 2 }));
    return ids.map((id) => `${id}: ${useOf({ kind, tags, verbs }, id)}`);
  };
  expect(of('player', {}, 'trade', 'give')).toEqual(['trade: plain', 'give: give']);
  expect(of('object', {}, 'give', 'take', 'read')).toEqual(['give: plain', 'take: plain', 'read: plain']);
  expect(of('object', { open: true }, 'open', 'close', 'take', 'put')).toEqual(['open: plain', 'close: plain', 'take: none', 'put: none']);
  expect(of('object', { open: false }, 'open', 'close')).toEqual(['open: plain', 'close: none']);
  expect(of('object', {}, 'read', 'post', 'remove')).toEqual(['read: board', 'post: board', 'remove: none']);
});

function atDocks(): Goods {
  const goods = new Goods();
  goods.enter('nyc.docks');
  return goods;
}

function coins(count: number): { id: string; kind: string; count: number } {
  return { id: 'a', kind: 'coin', count };
}

function stack(id: string, kind: string, count: number): Thing {
  return { id, kind, count, stacks: true };
}

function single(id: string, kind: string): Thing {
  return { id, kind, count: 1, stacks: false };
}

function table(things: unknown[], accepted = false): { things: unknown[]; accepted: boolean } {
  return { things, accepted };
}

function trade(state: string, more: object = {}): object {
  return { trade: 12, with: 5, name: 'Bob', state, turn: 0, yours: table([]), theirs: table([]), ...more };
}

function texts(news: GoodsNews[] | undefined): string[] {
  return (news ?? []).flatMap((one) => (one.is === 'notice' ? [one.text] : []));
}
