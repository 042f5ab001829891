// Does what it is asked: for the tests of what a zone in TypeScript may not do, and what is said then.

import { refuse, zone } from "wod";

import manifest from "../package.json" with { type: "json" };

interface State {
  drawn: number[];
  odd?: unknown;
}

// What would not be named in `lib` is reached past the type check, as a library would.
const anything = globalThis as unknown as Record<string, any>;

const DEEDS: Record<string, (zone: { state: State }) => unknown> = {
  now: () => Date.now(),
  date: () => new Date(),
  "date as text": () => (Date as unknown as () => string)(),
  "date by the back door": () => new (new Date(0).constructor as DateConstructor)(),
  "date of a number": () => new Date(86_400_000).toISOString(),
  performance: () => anything.performance.now(),
  timeout: () => anything.setTimeout(() => {}, 1),
  crypto: () => anything.crypto.getRandomValues(new Uint8Array(4)),
  fetch: () => anything.fetch("http://localhost/"),
  weak: () => new anything.WeakRef({}),
  random: (zone) => {
    zone.state.drawn.push(Math.random());
    return zone.state.drawn.at(-1);
  },
  "a map": (zone) => {
    zone.state.odd = new Map([[1, 2]]);
  },
  "not a number": (zone) => {
    zone.state.odd = 0 / 0;
  },
  "deep nan": (zone) => zone.state.drawn.push(0 / 0),
};

export default zone<State, null>({
  name: manifest.name,
  version: manifest.version,
  open: () => ({ drawn: [] }),
  newcomer: () => null,
  on: {
    admin(zone, { text }) {
      if (text === "log") {
        console.warn("a line", 1, { deep: [2n] });
        return "logged";
      }
      if (text === "fault") {
        return reckon(undefined);
      }
      if (text === "deep") {
        return deep(0);
      }
      const deed = DEEDS[text];
      if (!deed) {
        refuse(`no such deed: ${text}`);
      }
      try {
        return String(deed(zone));
      } catch (error) {
        return String(error);
      }
    },
  },
});

function reckon(nothing: { length: number } | undefined): string {
  return String((nothing as { length: number }).length);
}

function deep(level: number): string {
  return deep(level + 1) + level;
}
