// A keeper who greets whoever comes near and counts her visitors.

import { act, query, refuse, zone } from "wod";

import manifest from "../package.json" with { type: "json" };

/** How near the keeper must be to be talked to, m. */
const TALKING_DISTANCE = 4;

/** The zone's state: kept over restarts, crashes and swaps, as JSON. */
interface State {
  keeper: bigint;
  visitors: number;
}

/** What the zone remembers of each player, for ever. */
interface Known {
  visits: number;
}

export default zone<State, Known>({
  name: manifest.name,
  version: manifest.version,
  verbs: ["greet"],

  open() {
    const [place] = query.places("keeper");
    if (!place) {
      refuse("the map has no place `keeper`");
    }
    const keeper = act.spawn({
      kind: "npc",
      name: "Keeper",
      at: place.at,
      heading: 0,
      tags: [],
      verbs: [{ id: "greet", label: "Greet", reach: TALKING_DISTANCE }],
    });
    return { keeper, visitors: 0 };
  },

  newcomer: () => ({ visits: 0 }),

  on: {
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
