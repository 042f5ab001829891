// The zone in plain Node: `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { play, type Stage } from "wod/testing";

import pawnshop from "../src/zone.ts";

const ANN = 7n;
const BROKER = 1000n;

function shop(): Stage {
  return play(pawnshop, { "query.places": (name: string) => [{ name, at: { x: 4, y: 4 }, radius: 2, properties: [] }] });
}

/** The choices that a player was offered last. */
function choices(stage: Stage): string[] {
  const last = stage.done.findLast(({ name }) => name === "act.sayDialogue");
  assert(last, "a dialogue is open");
  return (last.args[4] as { id: string }[]).map(({ id }) => id);
}

function talk(stage: Stage): void {
  stage.tick({ tag: "interacted", val: { player: ANN, seq: 1n, target: BROKER, verb: "talk", args: "null" } });
}

function choose(stage: Stage, choice: string): void {
  stage.tick({ tag: "chose", val: { player: ANN, seq: 2n, dialogue: 1n, choice } });
}

test("what was pawned is kept with the player, over a swap and a night", () => {
  const stage = shop().enters(ANN, "Ann");
  talk(stage);
  assert.deepEqual(choices(stage), ["pawn", "leave"]);
  choose(stage, "pawn");
  stage.swap(pawnshop);
  talk(stage);
  assert.deepEqual(choices(stage), ["pawn", "redeem-1", "leave"]);
  stage.tick({ tag: "left", val: { player: ANN, reason: "logout" } });
  stage.enters(ANN, "Ann");
  talk(stage);
  choose(stage, "redeem-1");
  assert.deepEqual(choices(stage), ["pawn", "leave"]);
});

test("a closed shop serves nobody and says so", () => {
  const stage = shop().enters(ANN, "Ann").tick({ tag: "timer", val: 1n });
  assert.deepEqual(stage.said, ["Closing. Out, please."]);
  talk(stage);
  const refused = stage.done.find(({ name }) => name === "act.refuse");
  assert.deepEqual(refused?.args, [ANN, 1n, "refused", "We are closed."]);
});

test("nobody redeems what is another's", () => {
  const stage = shop().enters(ANN, "Ann");
  choose(stage, "redeem-12");
  assert.deepEqual(stage.done.at(-1)?.args, [ANN, 2n, "refused", "That is not yours."]);
});
