// The page: builds its parts, joins them, and runs a frame after the other.

import { Game } from './game.ts';
import { tabStore } from './storage.ts';
import { Login } from './ui/login.ts';

const login = new Login((name) => {
  tabStore.name = name;
  login.hide();
  game.enter(name);
});
const game = new Game(tabStore, (why) => login.show(tabStore.name, why));

const saved = tabStore.load();
if (saved) game.enter(saved.name, saved);
else login.show(tabStore.name);
