import { describe, expect, test } from 'vitest';
import { parseLine, whisperTo } from '../src/ui/chat-commands.ts';

describe('a typed line', () => {
  test.each([
    ['hello there', { t: 'chat', mode: 'say', text: 'hello there' }],
    ['  spaced  ', { t: 'chat', mode: 'say', text: 'spaced' }],
    ['/shout Fire!', { t: 'chat', mode: 'shout', text: 'Fire!' }],
    ['/me bows', { t: 'chat', mode: 'emote', text: 'bows' }],
    ['/w Bob psst', { t: 'chat', mode: 'whisper', to: 'Bob', text: 'psst' }],
    ['/W "Ann Lee" good  evening', { t: 'chat', mode: 'whisper', to: 'Ann Lee', text: 'good  evening' }],
    ['/w ann lee good evening', { t: 'chat', mode: 'whisper', to: 'Ann Lee', text: 'good evening' }],
    ['/ignore Bob', { t: 'ignore', name: 'Bob' }],
    ['/ignore "Ann Lee"', { t: 'ignore', name: 'Ann Lee' }],
    ['/unignore Ann Lee', { t: 'unignore', name: 'Ann Lee' }],
    ['/ignored', { t: 'ignore' }],
    ['tab\tand\u0007bell', { t: 'chat', mode: 'say', text: 'tab and bell' }],
  ])('%j is understood', (line, wish) => {
    expect(parseLine(line, ['Ann', 'Ann Lee'])).toEqual({ wish });
  });

  test.each(['/dance', '/w', '/w Bob', '/shout', '/ignore', '/unignore ""', `${'x'.repeat(501)}`])('%j is explained', (line) => {
    expect(parseLine(line, [])).toMatchObject({ problem: expect.stringMatching(/\S/) });
  });

  test('500 characters beyond the basic plane are 500', () => {
    expect(parseLine('🌒'.repeat(500), [])).toHaveProperty('wish');
  });

  test('nothing is nothing', () => {
    expect(parseLine('   ', [])).toEqual({ nothing: true });
  });

  test('a whisper begun from the menu is understood again', () => {
    expect(parseLine(`${whisperTo('Ann Lee')}hi`, [])).toEqual({ wish: { t: 'chat', mode: 'whisper', to: 'Ann Lee', text: 'hi' } });
  });
});
