// The TypeScript SDK: `import { act, query, zone } from "wod"`.
//
// `wod zone build` puts it into a zone's `.wod` folder. An author describes a zone (`Definition`); `component` makes of it what
// the contract (`wod:zone/logic`) has a module export. Nothing here lists the contract's events or functions: their types are
// generated from the WIT, so what a newer host adds needs no change.

import { act, type events, log, type logic, progress, query, type types } from "./host.ts";
import { explain } from "./stack.ts";
import { checkFields, filled, fromJson, toJson } from "./state.ts";

export * from "./drawn.ts";
export * from "./host.ts";

/** Version of the frame around a saved zone. */
const IMAGE = 1;

/** What an event of this tag carries. */
export type Told<T extends events.Event["tag"]> =
  Extract<events.Event, { tag: T }> extends { val: infer V } ? V : undefined;

/**
 * What happens at each event, by the contract's name for it: `{ entered(zone, { player }) { … } }`. Every one may be left out.
 * Handlers are plain functions: `async` ones are faults, because nobody waits for them.
 *
 * - `refuse("…")` in a handler: the player is told so (`interacted`, `chose`), an operator reads it (`admin`).
 * - An act that the host refuses throws: unless the handler catches it, it ends there, and operators find it in the log.
 * - Anything else that is thrown is a fault: all that this tick did is undone, and the zone goes on without the event.
 */
export type Handlers<S, P> = {
  [T in events.Event["tag"]]?: (zone: Zone<S, P>, event: Told<T>) => T extends "admin" ? string : void;
};

/** A setting's value: whole numbers are bigints. */
export type Setting = boolean | bigint | number | string;

/** A zone. `S` is its state, `P` what it knows of a player; both are saved as JSON (bigints too; no classes, Maps or Sets). */
export interface Definition<S, P> {
  /** Of the module; what is saved for players is kept under it. */
  readonly name: string;
  readonly version: string;
  /**
   * Of the saved state: raise it when the shape of `S` or `P` changes, and write `migrate` and `migratePlayer`. Default 1. A new field
   * needs neither: see `added` and `newcomer`.
   */
  readonly schema?: number;
  /**
   * Fields of the state that came later, with what they hold where an older version did not save them: `added: { bells: 0 }`. Without
   * it they are undefined after a swap, whatever their type says. Keep them here for as long as that version may be rolled back to.
   */
  readonly added?: Readonly<Partial<S>>;
  /** All that entities may ever offer. */
  readonly verbs?: readonly string[];
  /** What operators can set, with the value when nobody does. */
  readonly settings?: Readonly<Record<string, { readonly about: string; readonly default: Setting }>>;
  /** The state of a new zone. May act: what it spawns stands before the first tick. */
  open(zone: Omit<Zone<S, P>, "state">): S;
  /** What is known of a player who never came; of one who did, what an older version did not save. */
  newcomer(): P;
  readonly on?: Handlers<S, P>;
  /** A state of another schema, in this one's shape. */
  migrate?(state: unknown, schema: number): S;
  /** What another schema saved of a player, in this one's shape. */
  migratePlayer?(player: unknown, schema: number): P;
}

/** What a handler works with. */
export interface Zone<S, P> {
  /** Change it at will: it is saved whole. */
  state: S;
  readonly frame: events.Frame;
  /** Where this is. */
  readonly setup: logic.Setup;
  /** Of a setting that the definition names. */
  setting(name: string): Setting;
  /** What is known of a player who is here, saved whenever it has changed; undefined: she stands beyond the border. */
  player(id: types.EntityId): P | undefined;
  /** Of a player who is here; of others what the host knows. */
  nameOf(id: types.EntityId): string;
}

/** Only for its types: `export default zone<State, Known>({ … })`. */
export function zone<S, P>(definition: Definition<S, P>): Definition<S, P> {
  return definition;
}

/** Ends a handler; the text is for the player, or the operator, who asked. */
export function refuse(text: string): never {
  throw new Refused(text);
}

class Refused extends Error {}

/** A player who is here. */
interface Slot<P> {
  name: string;
  known: P;
}

/** What is kept of a player, wherever she is. */
interface PlayerImage {
  schema: number;
  known: unknown;
}

/** A whole saved zone. */
interface Image {
  sdk: number;
  state: unknown;
  players: [id: types.EntityId, name: string, image: PlayerImage][];
}

const NOBODY: logic.Setup = {
  zone: "",
  region: "",
  bounds: [{ x: 0, y: 0 }, { x: 0, y: 0 }],
  tickHz: 20,
  config: [],
};

/** One instance of a zone. */
class Instance<S, P> implements Zone<S, P> {
  frame: events.Frame = { tick: 0n, gameMs: 0n, dilation: 1 };
  setup = NOBODY;
  readonly #definition: Definition<S, P>;
  readonly #schema: number;
  readonly #settings = new Map<string, Setting>();
  #state: { value: S } | undefined;
  readonly #players = new Map<types.EntityId, Slot<P>>();
  /** Handed out in this call, encoded as they were before. */
  readonly #touched = new Map<types.EntityId, string>();
  /** The event that is handled, by its name. */
  at = "";

  constructor(definition: Definition<S, P>) {
    this.#definition = definition;
    this.#schema = definition.schema ?? 1;
    // Whoever resumes without memory is not told the settings.
    this.#reset();
  }

  get state(): S {
    if (!this.#state) {
      throw new Error("the zone has no state yet: `open` makes it");
    }
    return this.#state.value;
  }

  set state(value: S) {
    this.#state = { value };
  }

  setting(name: string): Setting {
    const value = this.#settings.get(name);
    if (value === undefined) {
      throw new Error(`there is no setting \`${name}\`: name it in the definition's settings`);
    }
    return value;
  }

  player(id: types.EntityId): P | undefined {
    const slot = this.#players.get(id);
    if (slot && !this.#touched.has(id)) {
      this.#touched.set(id, this.#encode(slot));
    }
    return slot?.known;
  }

  nameOf(id: types.EntityId): string {
    return this.#players.get(id)?.name ?? query.entity(id)?.name ?? "somebody";
  }

  describe(): logic.Description {
    const { name, version, verbs = [], settings = {} } = this.#definition;
    const config = Object.entries(settings).map(([key, setting]) => {
      return { name: key, about: setting.about, default: valueOf(setting.default) };
    });
    return { name, version, schema: this.#schema, verbs: [...verbs], config };
  }

  init(setup: logic.Setup): void {
    this.#settle(setup);
    this.state = this.#definition.open(this);
    checkFields(this.state);
    this.#savePlayers();
  }

  tick(frame: events.Frame, happened: readonly events.Event[]): void {
    this.frame = frame;
    for (const [index, event] of happened.entries()) {
      progress.at(index);
      this.at = event.tag;
      this.#handle(event);
      checkFields(this.#state?.value);
    }
    this.at = "savePlayer";
    this.#savePlayers();
  }

  save(): logic.Snapshot {
    const players = [...this.#players].map(([id, slot]): Image["players"][number] => [id, slot.name, this.#image(slot)]);
    return { schema: this.#schema, bytes: toJson({ sdk: IMAGE, state: this.state, players } satisfies Image) };
  }

  load(setup: logic.Setup, saved: logic.Snapshot): void {
    this.#settle(setup);
    const image = fromJson(saved.bytes) as Image;
    if (image.sdk !== IMAGE) {
      throw new Refused(`the state was saved by SDK format ${image.sdk}, this one reads ${IMAGE}`);
    }
    const { migrate } = this.#definition;
    if (saved.schema === this.#schema) {
      this.state = filled(image.state, this.#added());
    } else if (migrate) {
      this.state = migrate(image.state, saved.schema);
    } else {
      throw new Refused(`the state has schema ${saved.schema}, this version reads ${this.#schema}: write \`migrate\``);
    }
    this.#players.clear();
    for (const [id, name, player] of image.players) {
      this.#players.set(id, { name, known: this.#decode(player) });
    }
  }

  #settle(setup: logic.Setup): void {
    this.setup = setup;
    this.#reset();
    this.#change(setup.config);
  }

  /** A copy: what the zone makes of it is the zone's. */
  #added(): Partial<S> | undefined {
    const { added } = this.#definition;
    return added && (fromJson(toJson(added)) as Partial<S>);
  }

  #reset(): void {
    this.#settings.clear();
    for (const [name, setting] of Object.entries(this.#definition.settings ?? {})) {
      this.#settings.set(name, setting.default);
    }
  }

  #change(settings: readonly [string, types.Value][]): void {
    for (const [name, value] of settings) {
      this.#settings.set(name, value.val);
    }
  }

  #handle(event: events.Event): void {
    try {
      this.#dispatch(event);
    } catch (error) {
      const refused = error instanceof Refused;
      if (!refused && refusalOf(error) === undefined) {
        throw error;
      }
      if (event.tag === "interacted" || event.tag === "chose") {
        const { player, seq } = event.val;
        const text = refused ? error.message : "That did not work.";
        orLogged("refuse", () => act.refuse(player, seq, "refused", text));
      } else if (event.tag === "admin") {
        const { request } = event.val;
        orLogged("reply", () => act.reply(request, words(error)));
      }
      if (!refused) {
        tell(event.tag, error);
      }
    }
  }

  /** The author's handler, with the SDK's own share of the event before and after it. */
  #dispatch(event: events.Event): void {
    switch (event.tag) {
      case "started":
        this.#started(event.val);
        break;
      case "entered":
        this.#admit(event.val);
        break;
      case "config-changed":
        this.#change(event.val);
        break;
      default:
    }
    const handler = this.#definition.on?.[event.tag] as ((zone: Zone<S, P>, event: unknown) => unknown) | undefined;
    const answer = handler?.(this, event.val);
    if (answer instanceof Promise) {
      throw new Error(`the handler of \`${event.tag}\` is async: nobody waits for it, and a replay would not come out the same`);
    }
    if (event.tag === "left") {
      this.#players.delete(event.val.player);
      this.#touched.delete(event.val.player);
    } else if (event.tag === "admin") {
      act.reply(event.val.request, typeof answer === "string" ? answer : "This zone answers no questions.");
    }
  }

  #started({ reason, players, mine }: events.Started): void {
    if (reason === "resumed-without-memory") {
      // What the lost instance spawned goes, and the zone opens anew.
      for (const entity of mine) {
        act.despawn(entity);
      }
      this.#players.clear();
      this.state = this.#definition.open(this);
    }
    if (players.length === 0) {
      // Whoever is here all the same is told anew.
      this.#players.clear();
    }
    // Not in `load`: `newcomer` may draw a number, and no import may be called there.
    for (const slot of this.#players.values()) {
      slot.known = filled(slot.known, this.#definition.newcomer() as Partial<P>);
    }
    for (const id of players) {
      if (!this.#players.has(id)) {
        this.#players.set(id, { name: query.entity(id)?.name ?? "", known: this.#definition.newcomer() });
      }
    }
  }

  #admit({ player, name, saved, reason }: events.Entered): void {
    if (reason === "resumed" && this.#players.has(player)) {
      return;
    }
    let known = this.#definition.newcomer();
    if (saved.length > 0) {
      try {
        known = filled(this.#decode(fromJson(saved) as PlayerImage), known as Partial<P>);
      } catch (error) {
        // Left as it is until something changes.
        log.write("warn", `what was saved for ${name} can't be read: ${String(error)}`, []);
      }
    }
    this.#players.set(player, { name, known });
  }

  #image(slot: Slot<P>): PlayerImage {
    return { schema: this.#schema, known: slot.known };
  }

  #encode(slot: Slot<P>): string {
    return toJson.text(this.#image(slot));
  }

  #decode(image: PlayerImage): P {
    if (image.schema === this.#schema) {
      return image.known as P;
    }
    const { migratePlayer } = this.#definition;
    if (!migratePlayer) {
      throw new Refused(`a player has schema ${image.schema}, this version reads ${this.#schema}: write \`migratePlayer\``);
    }
    return migratePlayer(image.known, image.schema);
  }

  #savePlayers(): void {
    for (const [id, before] of this.#touched) {
      const slot = this.#players.get(id);
      if (slot && this.#encode(slot) !== before) {
        orLogged("savePlayer", () => act.savePlayer(id, toJson(this.#image(slot))));
      }
    }
    this.#touched.clear();
  }
}

/** What a module exports as `logic`: one instance, as hosts drive it. */
export function component<S, P>(definition: Definition<S, P>): typeof logic {
  const instance = new Instance(definition);
  return {
    describe: () => faultsAreTold(() => "describe", () => instance.describe()),
    init: (setup) => errorsAreAnswers(() => instance.init(setup)),
    tick: (frame, happened) => faultsAreTold(() => instance.at, () => instance.tick(frame, happened)),
    save: () => faultsAreTold(() => "save", () => instance.save()),
    load: (setup, saved) => errorsAreAnswers(() => instance.load(setup, saved)),
  };
}

/** A trap has no words of its own: the host takes those of the last error line. */
function faultsAreTold<R>(where: () => string, call: () => R): R {
  try {
    return call();
  } catch (error) {
    tell(where(), error);
    throw error;
  }
}

/** The contract's `err` of a result is whatever text is thrown. */
function errorsAreAnswers(call: () => void): void {
  try {
    call();
  } catch (error) {
    throw `${words(error)}${explain(error)}`;
  }
}

/** What the SDK itself asks of the host, which may say no (the player has left meanwhile). */
function orLogged(name: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    if (refusalOf(error) === undefined) {
      throw error;
    }
    tell(name, error);
  }
}

/** The host's reason, of an act that it refused. Such an error is of the engine's other realm, and no `Error` of this one. */
function refusalOf(error: unknown): types.Refusal | undefined {
  return typeof error === "object" && error !== null && "payload" in error ? (error.payload as types.Refusal) : undefined;
}

function words(error: unknown): string {
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    return `an act was refused: ${refusal}`;
  }
  return error instanceof Refused ? error.message : String(error);
}

function tell(where: string, error: unknown): void {
  log.write("error", `${where}: ${words(error)}${explain(error)}`, [["handler", where]]);
}

function valueOf(setting: Setting): types.Value {
  switch (typeof setting) {
    case "boolean":
      return { tag: "flag", val: setting };
    case "bigint":
      return { tag: "int", val: setting };
    case "number":
      return { tag: "number", val: setting };
    default:
      return { tag: "text", val: setting };
  }
}
