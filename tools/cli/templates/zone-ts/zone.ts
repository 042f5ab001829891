// A keeper who greets whoever comes near and counts her visitors.

import { act, dress, post, refuse, spawnPost, zone } from "wod";

import manifest from "../package.json" with { type: "json" };

/** The zone's state: kept over restarts, crashes and swaps, as JSON. A field that comes later stands in `added`, too. */
interface State {
  keeper: bigint;
  visitors: number;
}

/** What the zone remembers of each player, for ever. A field that comes later is what `newcomer` says. */
interface Known {
  visits: number;
}

export default zone<State, Known>({
  name: manifest.name,
  version: manifest.version,
  verbs: ["greet"],

  open() {
    // Where the keeper stands, what she is called and what one can do with her is drawn in the map.
    const keeper = spawnPost(post("keeper"));
    return { keeper, visitors: 0 };
  },

  newcomer: () => ({ visits: 0 }),

  on: {
    started(zone) {
      // A swap spawns nobody anew: she is dressed as the new map has her.
      dress(zone.state.keeper, post("keeper"));
    },

    entered(zone, { player }) {
      zone.state.visitors += 1;
      const known = zone.player(player);
      if (known) {
        known.visits += 1;
      }
    },

    interacted(zone, { player, target, verb }) {
      if (verb !== "greet" || target !== zone.state.keeper) {
        refuse("Nobody here does that.");
      }
      const visits = zone.player(player)?.visits ?? 0;
      act.chat(zone.state.keeper, "say", `Evening, ${zone.nameOf(player)}. Visit number ${visits}.`, undefined);
    },

    admin(zone, { text }) {
      if (text !== "visitors") {
        refuse(`\`${text}\`? This zone answers: visitors`);
      }
      return String(zone.state.visitors);
    },
  },
});
