// The page: builds its parts, joins them, and lets the player in.

import { Game } from './game.ts';
import { tabStore } from './storage.ts';
import { followNotices } from './ui/dev-notice.ts';
import { Login } from './ui/login.ts';
import { ticketIn } from './ui/ticket.ts';

const login = new Login((who) => {
  if ('name' in who) tabStore.name = who.name;
  login.hide();
  game.enter(who);
});
const game = new Game(tabStore, (why) => login.show(tabStore.name, why));

const ticket = ticketIn(location.hash);
const saved = tabStore.load();
// A link with a ticket says who is meant, whoever played in this tab before.
if (ticket !== undefined) game.enter({ ticket });
else if (saved) game.enter(saved.who, saved);
else login.show(tabStore.name);

followNotices().catch((error: unknown) => console.error('no notices of zones that do not build:', error));

// Whoever reads the address over a shoulder, or shares it, must not get the ticket along.
if (ticket !== undefined) history.replaceState(null, '', location.pathname + location.search);
// Such a link opened in a tab that shows the page already changes nothing but the fragment.
addEventListener('hashchange', () => {
  if (ticketIn(location.hash) !== undefined) location.reload();
});
