// What a browser or Node offers and a zone must not have: a zone is lived again from its journal, and what is not the same then
// would tear the two lives apart. Loaded before the author's code.
//
// The component has no clock and no chance anyway: the engine's clock is stopped at the time of the build, and its random numbers
// come from a fixed seed. But both are part of the engine's memory, which is not saved with the zone: after a restart they would go
// on differently. So one is replaced and the other refused.

import { log, random } from "./host.ts";

/** Empty in tests: see stack.ts. */
declare const WOD_LINES: string;

/** Whether an instance lives; not yet while the component is built, when the author's files run for the first time. */
let alive = false;

/** Every export's calls come through here. */
export function living<Logic extends object>(logic: Logic): Logic {
  const wrapped = Object.entries(logic).map(([name, call]) => {
    return [name, (...args: unknown[]) => {
      alive = true;
      return (call as (...args: unknown[]) => unknown)(...args);
    }];
  });
  return Object.fromEntries(wrapped) as unknown as Logic;
}

const WHY = "a zone must come out the same when it is lived again";

/** Stands where something was: whoever touches it reads why it is gone. */
function gone(name: string, instead: string): unknown {
  const refuse = (): never => {
    throw new Error(`${name}: ${WHY}; ${instead}`);
  };
  // Only what can be constructed itself has its construction trapped.
  return new Proxy(function () {}, { apply: refuse, construct: refuse, get: refuse });
}

const GONE: Record<string, string> = {
  setTimeout: "use act.setTimer",
  setInterval: "use act.setTimer",
  performance: "use zone.frame.gameMs, the zone's own time",
  crypto: "use Math.random or random.next, which the host seeds",
  fetch: "it reaches nothing but the host",
  WeakRef: "when memory is freed is no part of its state",
  FinalizationRegistry: "when memory is freed is no part of its state",
};

const CLOCK = "use zone.frame.gameMs, the zone's own time";
const RealDate = Date;
const noClock = (): never => {
  throw new Error(`the clock: ${WHY}; ${CLOCK}`);
};
/** Dates can be made of numbers and texts, and reckoned with; not of now. */
const TimelessDate = new Proxy(RealDate, {
  apply: noClock,
  construct: (target, args, newTarget) => (args.length === 0 ? noClock() : Reflect.construct(target, args, newTarget) as object),
});

/** Takes all of it away; the answer gives it back. */
export function guard(): () => void {
  const taken = [
    ...Object.entries(GONE).map(([name, instead]) => put(globalThis, name, gone(name, instead))),
    put(globalThis, "Date", TimelessDate),
    put(RealDate, "now", noClock),
    put(RealDate.prototype, "constructor", TimelessDate),
  ];
  return () => taken.forEach((giveBack) => giveBack());
}

function put(owner: object, name: string, value: unknown): () => void {
  const was = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, writable: false, configurable: true });
  return () => (was ? Object.defineProperty(owner, name, was) : Reflect.deleteProperty(owner, name));
}

/** A living zone's lines are for operators; while it is built, the terminal's. */
const LEVELS = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error" } as const;

/** In tests the stage does it, and Node keeps its own things between the handlers. */
if (WOD_LINES !== "") {
  guard();
  // The host's generator: part of the zone's state. 53 bits, as JavaScript's own.
  Math.random = () => {
    if (!alive) {
      throw new Error(`Math.random: ${WHY}; call it in a handler, not when the file is loaded`);
    }
    return Number(random.next() >> 11n) / 2 ** 53;
  };
  for (const name of Object.keys(LEVELS) as (keyof typeof LEVELS)[]) {
    const atBuild = console[name].bind(console);
    console[name] = (...parts: unknown[]) => {
      if (alive) {
        log.write(LEVELS[name], parts.map((part) => (typeof part === "string" ? part : show(part))).join(" "), []);
      } else {
        atBuild(...parts);
      }
    };
  }
}

function show(value: unknown): string {
  const plain = (_key: string, part: unknown): unknown => (typeof part === "bigint" ? `${part}n` : part);
  const isError = typeof value === "object" && value !== null && "stack" in value;
  return isError ? String(value) : (JSON.stringify(value, plain) ?? String(value));
}
