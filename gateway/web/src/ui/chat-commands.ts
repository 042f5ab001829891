// What a line typed into the chat means.

import { CHAT_CHARS } from '../protocol/messages.ts';
import type { Wish } from '../protocol/messages.ts';

export type Parsed = { wish: Wish } | { problem: string } | { nothing: true };

export const HELP = 'Type to talk to those near you. /shout text, /me does something, /w Name text (or /w "Long Name" text). '
  + '/ignore Name, /unignore Name, /ignored.';

/**
 * Reads one line. `names` are the players known here: a whisper's addressee may have spaces in her name without
 * quotation marks if she is one of them.
 */
export function parseLine(line: string, names: readonly string[]): Parsed {
  const text = line.replace(/\p{Cc}+/gu, ' ').trim();
  if (text === '') return { nothing: true };
  if (!text.startsWith('/')) return spoken('say', text);
  const [, command = '', rest = ''] = /^\/(\S*)\s*(.*)$/su.exec(text) ?? [];
  switch (command.toLowerCase()) {
    case 's':
    case 'say':
      return spoken('say', rest);
    case 'y':
    case 'shout':
      return spoken('shout', rest);
    case 'me':
    case 'emote':
      return spoken('emote', rest);
    case 'w':
    case 'whisper':
      return whispered(rest, names);
    case 'ignore':
      return named(rest, (name) => ({ t: 'ignore', name }), 'Ignore whom? /ignore Name');
    case 'unignore':
      return named(rest, (name) => ({ t: 'unignore', name }), 'Hear whom again? /unignore Name');
    case 'ignored':
      return { wish: { t: 'ignore' } };
    case 'help':
      return { problem: HELP };
    default:
      return { problem: `There is no command /${command}. ${HELP}` };
  }
}

/** The start of a whisper to this player, as one would type it. */
export function whisperTo(name: string): string {
  return name.includes(' ') ? `/w "${name}" ` : `/w ${name} `;
}

function spoken(mode: 'say' | 'shout' | 'emote', text: string): Parsed {
  if (text === '') return { problem: 'Say what?' };
  return tooLong(text) ?? { wish: { t: 'chat', mode, text } };
}

function whispered(rest: string, names: readonly string[]): Parsed {
  const [to, text] = addressee(rest, names);
  if (to === '' || text === '') return { problem: 'Whisper what to whom? /w Name text' };
  return tooLong(text) ?? { wish: { t: 'chat', mode: 'whisper', to, text } };
}

/** A command that is about one player: the whole rest is her name. */
function named(rest: string, wish: (name: string) => Wish, problem: string): Parsed {
  const name = rest.replace(/^"([^"]*)"$/u, '$1').trim();
  return name === '' ? { problem } : { wish: wish(name) };
}

function addressee(rest: string, names: readonly string[]): [string, string] {
  const quoted = /^"([^"]+)"\s*(.*)$/su.exec(rest);
  if (quoted) return [quoted[1]!.trim(), quoted[2]!];
  const lower = rest.toLowerCase();
  const known = names
    .filter((name) => lower.startsWith(`${name.toLowerCase()} `))
    .sort((a, b) => b.length - a.length)[0];
  if (known !== undefined) return [known, rest.slice(known.length).trim()];
  const space = rest.search(/\s/u);
  return space < 0 ? [rest, ''] : [rest.slice(0, space), rest.slice(space).trim()];
}

function tooLong(text: string): { problem: string } | undefined {
  const length = [...text].length;
  return length > CHAT_CHARS ? { problem: `That is ${length} characters; a line has at most ${CHAT_CHARS}.` } : undefined;
}
