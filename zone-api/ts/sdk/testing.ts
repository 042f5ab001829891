// `import { play } from "wod/testing"`: a zone in plain Node, for `npm test`. No world: what the zone does is written down, what it
// asks is answered as the test says. How it fares among players in the real simulation, `wod zone check NEW --against OLD` shows.

import { guard } from "./guard.ts";
import { component, type Definition, type events, type logic, type types } from "./index.ts";

/** A post as the host tells of it, for `query.places`: `posted("keeper", { npc: "Keeper", verbs: "greet:Greet:4" })`. */
export function posted(post: string, properties: Record<string, string>, at: types.Point = { x: 32, y: 32 }) {
  const texts = Object.entries({ ...properties, post }).map(([name, val]) => [name, { tag: "text", val }]);
  return { name: "@post", at, radius: 0, properties: texts };
}

/** An act, or a line of the log: `{ name: "act.chat", args: [keeper, "say", "Evening."] }`. */
export interface Done {
  name: string;
  args: unknown[];
}

/** What the host says to calls by their names, `query.places` for one. What is not answered here gives `undefined`, or an id. */
export type Answers = Record<string, (...args: never[]) => unknown>;

const FIRST_ENTITY = 1000n;
const SETUP: logic.Setup = {
  zone: "test.zone",
  region: "test",
  bounds: [{ x: 0, y: 0 }, { x: 64, y: 48 }],
  tickHz: 20,
  config: [],
};

/** The zone that runs: imports are the module's, not an instance's. */
let current: Stage | undefined;

/** Every import of every zone ends here: `test.mjs` sees to it. */
export function imported(name: string, args: unknown[]): unknown {
  if (!current) {
    throw new Error(`${name}: an import was called outside of a handler`);
  }
  return current.answer(name, args);
}

/** A zone on trial. */
export class Stage {
  /** All it did since the last `done.length = 0`. */
  readonly done: Done[] = [];
  #definition: Definition<unknown, unknown>;
  #logic: typeof logic;
  #answers: Answers;
  #entities = 0n;
  #drawn = 0n;
  #tick = 0n;

  constructor(definition: Definition<unknown, unknown>, answers: Answers) {
    this.#definition = definition;
    this.#logic = component(definition);
    this.#answers = answers;
  }

  /** One call of `tick`. */
  tick(...happened: events.Event[]): this {
    this.#tick += 1n;
    const frame = { tick: this.#tick, gameMs: this.#tick * 50n, dilation: 1 };
    this.run(() => this.#logic.tick(frame, happened));
    return this;
  }

  /** Somebody comes, with what was saved for her last. */
  enters(player: types.EntityId, name: string): this {
    const saves = this.done.filter((done) => done.name === "act.savePlayer" && done.args[0] === player);
    const saved = (saves.at(-1)?.args[1] as Uint8Array | undefined) ?? new Uint8Array();
    return this.tick({ tag: "entered", val: { player, name, saved, reason: "login" } });
  }

  /** What NPCs said, in order. */
  get said(): string[] {
    return this.done.filter((done) => done.name === "act.chat").map((done) => String(done.args[2]));
  }

  /** Another version of the zone (or this one anew) takes over what this one saves. */
  swap<S, P>(definition: Definition<S, P>): this {
    const saved = this.#logic.save();
    this.#definition = definition as Definition<unknown, unknown>;
    this.#logic = component(definition);
    this.#logic.load(SETUP, saved);
    return this;
  }

  /** Another instance, which nothing was loaded into: what it is told next is `started`, `resumed-without-memory`. */
  forget(): this {
    this.#logic = component(this.#definition);
    return this;
  }

  /** Calls it and stands in for the host meanwhile: what a host refuses is refused here too, the clock for one. */
  run(call: () => void): void {
    current = this;
    const giveBack = guard();
    try {
      call();
    } finally {
      giveBack();
      current = undefined;
    }
  }

  open(): this {
    this.run(() => this.#logic.init(SETUP));
    return this;
  }

  answer(name: string, args: unknown[]): unknown {
    const answer = this.#answers[name];
    if (answer) {
      return (answer as (...args: unknown[]) => unknown)(...args);
    }
    if (name === "random.next") {
      this.#drawn += 1n;
      return BigInt.asUintN(64, this.#drawn * 0x9e3779b97f4a7c15n);
    }
    if (name === "progress.at") {
      return undefined;
    }
    this.done.push({ name, args });
    return name === "act.spawn" ? FIRST_ENTITY + this.#entities++ : undefined;
  }
}

/** Opens a zone. */
export function play<S, P>(definition: Definition<S, P>, answers: Answers = {}): Stage {
  return new Stage(definition as Definition<unknown, unknown>, answers).open();
}

/** In a handler as in a component: from the host's generator. */
const chance = Math.random;
Math.random = () => (current ? Number((imported("random.next", []) as bigint) >> 11n) / 2 ** 53 : chance());
