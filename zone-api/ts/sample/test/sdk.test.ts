// What the SDK itself promises, in plain Node: `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dress, post, zone } from "wod";
import { play, posted, type Stage } from "wod/testing";

const ANN = 7n;

interface Old {
  rung: number;
}

interface New extends Old {
  cracks: number;
}

const old = zone<Old, { visits: number }>({
  name: "bell",
  version: "0.1.0",
  open: () => ({ rung: 0 }),
  newcomer: () => ({ visits: 0 }),
  on: {
    entered(zone, { player }) {
      zone.player(player)!.visits += 1;
    },
    timer(zone) {
      zone.state.rung += 1;
    },
  },
});

/** A field more of the zone and of its players; `added` as the test wants it. */
function later(added: Partial<New> | undefined) {
  return zone<New, { visits: number; pulls: number }>({
    name: "bell",
    version: "0.2.0",
    settings: { pull: { about: "how many cracks a stroke makes", default: 2n } },
    ...(added && { added }),
    open: (zone) => ({ rung: 0, cracks: Number(zone.setting("pull")) }),
    newcomer: () => ({ visits: 0, pulls: 0 }),
    on: {
      timer(zone) {
        zone.state.rung += 1;
        zone.state.cracks += Number(zone.setting("pull"));
      },
      interacted(zone, { player }) {
        zone.player(player)!.pulls += 1;
      },
      admin: (zone) => JSON.stringify([zone.state, zone.player(ANN)]),
    },
  });
}

function ask(stage: Stage): unknown {
  stage.tick({ tag: "admin", val: { request: 1n, operator: "test", text: "all" } });
  const reply = stage.done.findLast(({ name }) => name === "act.reply");
  return JSON.parse(String(reply?.args[1]));
}

function swapped(stage: Stage, to: ReturnType<typeof later>): Stage {
  return stage.swap(to).tick({ tag: "started", val: { reason: "swapped", players: new BigUint64Array([ANN]), mine: new BigUint64Array() } });
}

test("fields that an older version did not save hold what `added` and `newcomer` say", () => {
  const stage = swapped(play(old).enters(ANN, "Ann").tick({ tag: "timer", val: 1n }), later({ cracks: 5 }));
  stage.tick({ tag: "timer", val: 1n });
  stage.tick({ tag: "interacted", val: { player: ANN, seq: 1n, target: 1000n, verb: "pull", args: "null" } });
  assert.deepEqual(ask(stage), [{ rung: 2, cracks: 7 }, { visits: 1, pulls: 1 }]);
  // What they hold by now stays.
  assert.deepEqual(ask(swapped(stage, later({ cracks: 5 }))), [{ rung: 2, cracks: 7 }, { visits: 1, pulls: 1 }]);
});

test("who was saved by an older version comes back with the new fields", () => {
  const stage = play(old).enters(ANN, "Ann").tick({ tag: "left", val: { player: ANN, reason: "logout" } });
  swapped(stage, later({ cracks: 0 })).enters(ANN, "Ann");
  assert.deepEqual(ask(stage), [{ rung: 0, cracks: 0 }, { visits: 1, pulls: 0 }]);
});

test("a field that became NaN is the fault of its event, and named", () => {
  const stage = swapped(play(old), later(undefined));
  assert.throws(() => stage.tick({ tag: "timer", val: 1n }), /`cracks` is NaN.*`added`/);
  assert.match(String(stage.done.at(-1)?.args[1]), /^timer: Error/);
});

test("a zone that lost its memory opens anew, with settings as they are by default", () => {
  const stage = play(later(undefined)).forget();
  stage.tick({ tag: "started", val: { reason: "resumed-without-memory", players: new BigUint64Array(), mine: new BigUint64Array() } });
  assert.deepEqual(ask(stage), [{ rung: 0, cracks: 2 }, null]);
});

test("what a host refuses is refused in tests", () => {
  const clocks = { now: () => String(Date.now()), date: () => String(new Date()), timer: () => String(Reflect.get(globalThis, "setTimeout")()) };
  for (const call of Object.values(clocks)) {
    const asking = zone<null, null>({ name: "clock", version: "0.1.0", open: () => null, newcomer: () => null, on: { admin: call } });
    assert.throws(() => ask(play(asking)), /lived again/);
  }
  assert.ok(new Date() !== undefined, "outside of handlers a test has all that Node has");
});

test("who stands there is dressed as the map has it by now", () => {
  const map = { "query.places": () => [posted("keeper", { look: "white coat", verbs: "greet:Greet:4" })] };
  const stage = play(old, map);
  stage.run(() => dress(1000n, post("keeper")));
  assert.deepEqual(stage.done.slice(-3), [
    { name: "act.rename", args: [1000n, "keeper"] },
    { name: "act.setTags", args: [1000n, [{ name: "look", value: { tag: "text", val: "white coat" }, audience: "near" }], ["title"]] },
    { name: "act.setVerbs", args: [1000n, [{ id: "greet", label: "Greet", reach: 4 }]] },
  ]);
  assert.throws(() => stage.run(() => post("keper")), /no post `keper` \(it has keeper\)/);
});
