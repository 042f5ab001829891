import { describe, expect, test } from 'vitest';
import type { RosterEntry, ServerMsg } from '../src/protocol/messages.ts';
import { World } from '../src/world/model.ts';
import { GameClock, Track, turn } from '../src/world/timeline.ts';

describe('the world', () => {
  test('a full roster replaces all that was known, another one adds and takes away', () => {
    const world = entered();
    world.apply({ t: 'roster', enter: [somebody(2), somebody(3)], leave: [], full: true }, 0);
    world.apply({ t: 'roster', enter: [somebody(4)], leave: [2] }, 0);
    expect([...world.entities.keys()]).toEqual([3, 4]);
    world.apply({ t: 'roster', enter: [somebody(5)], leave: [], full: true }, 0);
    expect([...world.entities.keys()]).toEqual([5]);
  });

  test('another zone clears the former one, the same one under another module does not', () => {
    const world = entered();
    world.apply({ t: 'roster', enter: [somebody(2)], leave: [], full: true }, 0);
    const [swap] = world.apply({ ...ZONE, reason: 'swapped' }, 10);
    expect(world.entities.size).toBe(1);
    expect(swap).toMatchObject({ is: 'zone', moved: true });
    Object.assign(world.own, { x: ZONE.x + 1, y: ZONE.y });
    expect(world.apply({ ...ZONE, reason: 'swapped' }, 20)[0]).toMatchObject({ moved: false });
    world.apply({ ...ZONE, zone: 'nyc.elysium', reason: 'crossed' }, 30);
    expect(world.entities.size).toBe(0);
  });

  test('what was heard before is shown without bubbles, and whom we ignore is said', () => {
    const world = entered();
    const lines = [{ from: 2, name: 'Bob', mode: 'say', text: 'before' } as const];
    expect(world.apply({ t: 'history', lines: [...lines] }, 0)).toEqual([{ is: 'history', lines }]);
    expect(world.bubbles.size).toBe(0);
    expect(world.apply({ t: 'ignored', n: 1, names: ['Bob', 'Eve'] }, 0)).toEqual([{ is: 'notice', text: 'You hear nothing of Bob, Eve.' }]);
    expect(world.apply({ t: 'ignored', n: 2, names: [] }, 0)).toEqual([{ is: 'notice', text: 'You ignore nobody.' }]);
  });

  test('updates of strangers are ignored', () => {
    const world = entered();
    world.apply({ t: 'update', tick: 101, e: [[77, 1, 2, 0]] }, 0);
    expect(world.entities.size).toBe(0);
  });

  test('a talk goes on under its number and ends without options and text', () => {
    const world = entered();
    const said: ServerMsg = { t: 'dialogue', n: 1, dialogue: 8, npc: 2, text: 'Well?', options: [{ id: 'a', text: 'A' }] };
    world.apply(said, 0);
    world.apply({ ...said, n: 2, text: 'Indeed.', options: [] }, 0);
    expect(world.dialogues.get(8)?.text).toBe('Indeed.');
    world.apply({ ...said, n: 3, text: '', options: [] }, 0);
    expect(world.dialogues.size).toBe(0);
  });

  test('barriers, names and tags follow their messages', () => {
    const world = entered();
    world.apply({ t: 'roster', enter: [somebody(2)], leave: [], full: true }, 0);
    world.apply({ t: 'barrier', id: 'gate', closed: false }, 0);
    world.apply({ t: 'name', id: 2, name: 'Vesper' }, 0);
    world.apply({ t: 'tags', id: 2, tags: { away: true } }, 0);
    expect(world.closedBarriers.has('gate')).toBe(false);
    expect(world.entities.get(2)).toMatchObject({ name: 'Vesper', tags: { away: true } });
  });

  test('a bubble goes when it has been read; a whisper has none', () => {
    const world = entered();
    world.apply({ t: 'chat', n: 1, from: 2, name: 'Bob', mode: 'say', text: 'hi' }, 1_000);
    world.apply({ t: 'chat', n: 2, from: 3, name: 'Eve', mode: 'whisper', text: 'psst' }, 1_000);
    expect([...world.bubbles.keys()]).toEqual([2]);
    world.expire(20_000);
    expect(world.bubbles.size).toBe(0);
  });

  test('an unknown message changes nothing', () => {
    expect(entered().apply({ t: 'weather' } as unknown as ServerMsg, 0)).toEqual([]);
  });
});

describe('smooth motion', () => {
  test('between two updates an entity is drawn on the way, a little behind', () => {
    const track = new Track({ x: 0, y: 0, h: 0 }, 0);
    for (let tick = 1; tick <= 10; tick += 1) track.push({ x: tick, y: 0, h: 0 }, tick * 50, false, 50);
    expect(track.pose(425, pose()).x).toBeCloseTo(6.5);
    expect(track.pose(10_000, pose()).x).toBe(10);
  });

  test('a jump is not walked', () => {
    const track = new Track({ x: 0, y: 0, h: 0 }, 0);
    track.push({ x: 90, y: 0, h: 0 }, 50, true, 50);
    expect(track.pose(120, pose()).x).toBe(90);
  });

  test('who stood for long sets out now, not when she was last heard of', () => {
    const track = new Track({ x: 0, y: 0, h: 0 }, 0);
    track.push({ x: 1, y: 0, h: 0 }, 5_000, false, 50);
    expect(track.pose(5_000 + 40, pose()).x).toBe(0);
    expect(track.pose(5_000 + 75, pose()).x).toBeCloseTo(0.5);
  });

  test('who is sent every fourth tick moves without stopping', () => {
    const track = new Track({ x: 0, y: 0, h: 0 }, 0);
    const drawn: number[] = [];
    for (let ms = 0; ms < 6_000; ms += 10) {
      if (ms > 0 && ms % 200 === 0) track.push({ x: ms / 100, y: 0, h: 0 }, ms, false, 50);
      drawn.push(track.pose(ms, pose()).x);
    }
    const late = drawn.slice(300);
    const steps = late.slice(1).map((x, i) => x - late[i]!);
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThan(0.2);
  });

  test('headings turn the short way', () => {
    expect(turn(3, -3)).toBeCloseTo(2 * Math.PI - 6);
    expect(turn(-3, 3)).toBeCloseTo(6 - 2 * Math.PI);
    expect(turn(0, 1)).toBeCloseTo(1);
  });

  test('the clock is steady under jitter and follows time dilation', () => {
    const clock = new GameClock();
    clock.reset(20, 0, 0);
    let worst = 0;
    for (let tick = 1; tick <= 200; tick += 1) {
      const late = (tick * 37) % 60;
      clock.observe(tick, 1, tick * 50 + late);
      if (tick > 50) worst = Math.max(worst, Math.abs(clock.gameMs(tick * 50 + 60) - (tick * 50 + 30)));
    }
    expect(worst).toBeLessThan(30);
    clock.observe(201, 0.5, 10_050);
    const before = clock.gameMs(10_050);
    expect(clock.gameMs(10_150) - before).toBeCloseTo(50);
  });

  test('after a long silence it jumps to the truth', () => {
    const clock = new GameClock();
    clock.reset(20, 0, 0);
    clock.observe(1_000, 1, 100);
    expect(clock.gameMs(100)).toBe(50_000);
  });
});

const ZONE: Extract<ServerMsg, { t: 'zone' }> = {
  t: 'zone', zone: 'nyc.streets', region: 'ny', bounds: [0, 0, 40, 40], x: 10, y: 10, h: 0, c: 0, speed: 6, tick_hz: 20, tick: 100,
  game_ms: 5000, map: 'd', barriers: ['gate'], module: 'streets', version: '1', generation: 1, reason: 'entered',
};

function entered(): World {
  const world = new World();
  world.apply({ t: 'welcome', session: 's', token: 't', you: 1, name: 'Ann', seq: 0 }, 0);
  world.apply(ZONE, 0);
  return world;
}

function somebody(id: number): RosterEntry {
  return { id, kind: 'npc', name: `N${id}`, x: 1, y: 2, h: 0, tags: {}, verbs: [], ghost: false };
}

function pose(): { x: number; y: number; h: number } {
  return { x: 0, y: 0, h: 0 };
}
