// What this browser tab remembers: the name, and the session to go on with after a reload.

import type { SessionStore } from './protocol/connection.ts';
import type { SavedSession } from './protocol/session.ts';

const SESSION = 'wod.session';
const NAME = 'wod.name';

/** In sessionStorage: a tab's session ends with the tab, and two tabs are two players. */
export const tabStore: SessionStore & { name: string } = {
  load() {
    const text = sessionStorage.getItem(SESSION);
    return text === null ? undefined : (JSON.parse(text) as SavedSession);
  },
  save(saved) {
    if (saved) sessionStorage.setItem(SESSION, JSON.stringify(saved));
    else sessionStorage.removeItem(SESSION);
  },
  get name() {
    return sessionStorage.getItem(NAME) ?? '';
  },
  set name(name: string) {
    sessionStorage.setItem(NAME, name);
  },
};
