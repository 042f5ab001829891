// A pawnshop that opens and shuts: a broker who greets, takes things in pledge for ever, and goes to his back room when he closes.
//
// The sample of a zone in TypeScript: senses, walks, dialogues, timers, settings, what is kept of players. `act` and `query` are the
// contract (zone-api/wit/zone.wit), whose comments your editor shows.

import { act, query, refuse, zone, type types, type Zone } from "wod";

import manifest from "../package.json" with { type: "json" };

/** How near the broker must be to be talked to, m. */
const TALKING_DISTANCE = 4;
/** How near somebody must come to be greeted, m. */
const GREETING_DISTANCE = 6;
/** The one timer of this zone. */
const HOURS = 1n;
/** Most that one player can have in pledge. */
const PLEDGES = 5;

const GREETINGS = ["Mind the step,", "Back again,", "I was about to close,", "No questions asked,"];
const THINGS = ["a brass lighter", "a cracked violin", "a wedding ring", "somebody's dog tags", "a key without a lock"];

interface State {
  broker: types.EntityId;
  open: boolean;
  /** Things ever taken: tokens of dialogues and numbers of tickets are never used twice. */
  tickets: number;
  dialogues: bigint;
}

interface Known {
  greeted: number;
  pledges: { ticket: number; thing: string }[];
}

type Shop = Zone<State, Known>;

export default zone<State, Known>({
  name: manifest.name,
  version: manifest.version,
  verbs: ["talk"],
  settings: {
    minutes: { about: "for how many minutes of game time the shop is open, and then shut", default: 10n },
    ware: { about: "what the broker calls what is brought to him", default: "merchandise" },
  },

  open(zone) {
    const [counter] = query.places("counter");
    if (!counter) {
      refuse("the map has no place `counter`");
    }
    const broker = act.spawn({
      kind: "npc",
      name: "Broker",
      at: counter.at,
      heading: 0,
      tags: [{ name: "open", value: { tag: "flag", val: true }, audience: "near" }],
      verbs: [{ id: "talk", label: "Talk", reach: TALKING_DISTANCE }],
    });
    act.setSensor(broker, GREETING_DISTANCE);
    setHours(zone);
    return { broker, open: true, tickets: 0, dialogues: 0n };
  },

  newcomer: () => ({ greeted: 0, pledges: [] }),

  on: {
    "sensor-entered"(zone, { subject }) {
      const known = zone.player(subject);
      if (known && zone.state.open) {
        known.greeted += 1;
        say(zone, `${oneOf(GREETINGS)} ${zone.nameOf(subject)}.`);
      }
    },

    interacted(zone, { player, target, verb }) {
      if (verb !== "talk" || target !== zone.state.broker) {
        refuse("Nobody here does that.");
      }
      if (!zone.state.open) {
        refuse("We are closed.");
      }
      zone.state.dialogues += 1n;
      offer(zone, player, zone.state.dialogues, "Well?");
    },

    chose(zone, { player, dialogue, choice }) {
      const known = zone.player(player);
      if (!known || choice === undefined || choice === "leave") {
        act.closeDialogue(player, dialogue);
        return;
      }
      if (choice === "pawn") {
        zone.state.tickets += 1;
        const pledge = { ticket: zone.state.tickets, thing: oneOf(THINGS) };
        known.pledges.push(pledge);
        offer(zone, player, dialogue, `${capital(pledge.thing)}. Your ticket is number ${pledge.ticket}.`);
        return;
      }
      const pledge = known.pledges.find(({ ticket }) => choice === `redeem-${ticket}`);
      if (!pledge) {
        refuse("That is not yours.");
      }
      known.pledges = known.pledges.filter((other) => other !== pledge);
      offer(zone, player, dialogue, `Number ${pledge.ticket}, ${pledge.thing}. Take care of it.`);
    },

    timer(zone) {
      const { state } = zone;
      state.open = !state.open;
      act.setBarrier("shutter", !state.open);
      act.setTags(state.broker, [{ name: "open", value: { tag: "flag", val: state.open }, audience: "near" }], []);
      act.goTo(state.broker, { tag: "place", val: state.open ? "counter" : "back room" }, 0.5);
      say(zone, state.open ? "Open." : "Closing. Out, please.");
    },

    "config-changed"(zone) {
      setHours(zone);
    },

    admin(zone, { text }) {
      if (text !== "tickets") {
        refuse(`\`${text}\`? This zone answers: tickets`);
      }
      return String(zone.state.tickets);
    },
  },
});

function offer(zone: Shop, player: types.EntityId, dialogue: bigint, text: string): void {
  const pledges = zone.player(player)?.pledges ?? [];
  const choices = pledges.map(({ ticket, thing }) => ({ id: `redeem-${ticket}`, text: `Redeem ${thing} (${ticket})` }));
  if (pledges.length < PLEDGES) {
    choices.unshift({ id: "pawn", text: `Pawn some ${String(zone.setting("ware"))}` });
  }
  act.sayDialogue(player, dialogue, zone.state.broker, text, [...choices, { id: "leave", text: "Leave" }]);
}

function say(zone: Shop, text: string): void {
  act.chat(zone.state.broker, "say", text, undefined);
}

/** The timer survives swaps and restarts; setting it anew replaces it. */
function setHours(zone: Omit<Shop, "state">): void {
  const ticks = Number(zone.setting("minutes")) * 60 * zone.setup.tickHz;
  act.setTimer(HOURS, ticks, ticks);
}

/** By the host's generator (`Math.random`), so that a replay picks the same. */
function oneOf<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
