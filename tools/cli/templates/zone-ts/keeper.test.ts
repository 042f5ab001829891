// The zone in plain Node: `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { play, posted } from "wod/testing";

import keeper from "../src/zone.ts";

const ANN = 7n;
/** As the map has it. */
const KEEPER = posted("keeper", { npc: "Keeper", verbs: "greet:Greet:4" });

test("the keeper greets by name and remembers over a swap", () => {
  const stage = play(keeper, { "query.places": () => [KEEPER] });
  const greet = (): void => {
    const [spawned] = stage.done.filter(({ name }) => name === "act.spawn");
    assert(spawned, "the keeper stands here");
    stage.tick({ tag: "interacted", val: { player: ANN, seq: 1n, target: 1000n, verb: "greet", args: "null" } });
  };
  stage.enters(ANN, "Ann");
  greet();
  stage.swap(keeper);
  greet();
  stage.tick({ tag: "left", val: { player: ANN, reason: "logout" } });
  stage.enters(ANN, "Ann");
  greet();
  assert.deepEqual(stage.said, [
    "Evening, Ann. Visit number 1.",
    "Evening, Ann. Visit number 1.",
    "Evening, Ann. Visit number 2.",
  ]);
});
