// Saved state: JSON, with bigints. What JSON would drop or bend without a word is an error instead.

/** How a bigint is written. */
const INT = "$int";
/** Most fields that are looked at after an event: a state may be a table of thousands. */
const FIELDS = 100;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The bytes of a value. An error names the place in it that can't be saved. */
export function toJson(value: unknown): Uint8Array {
  return encoder.encode(toJson.text(value));
}

/** The same before it is encoded. */
toJson.text = (value: unknown): string => JSON.stringify(value, replace);

/**
 * Whether a state's own fields (the first hundred) can be saved. Looked at after every event, so that it is the event's fault, which is
 * undone: a save that fails costs the zone its memory. What lies deeper is found at the save.
 */
export function checkFields(state: unknown): void {
  if (typeof state !== "object" || state === null) {
    return;
  }
  let left = FIELDS;
  for (const key in state) {
    if (left-- === 0) {
      return;
    }
    replace(key, (state as Record<string, unknown>)[key]);
  }
}

/** `later` fills in what `saved` does not have, if both are plain objects. */
export function filled<T>(saved: unknown, later: Partial<T> | undefined): T {
  const objects = [saved, later].every((value) => typeof value === "object" && value !== null && !Array.isArray(value));
  return (objects ? { ...later, ...(saved as object) } : saved) as T;
}

/** What `toJson` wrote. */
export function fromJson(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes), revive);
}

function replace(key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return { [INT]: value.toString() };
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    const why = Number.isNaN(value) ? " (was it undefined, because an older version did not save it? See `added` in the SDK)" : "";
    throw new Error(`\`${key}\` is ${value}: JSON has no such number${why}`);
  }
  if (typeof value === "function" || typeof value === "symbol") {
    throw new Error(`\`${key}\` is a ${typeof value}: the state is data alone`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      const name = (value.constructor as { name?: string } | undefined)?.name ?? "class";
      throw new Error(`\`${key}\` is a ${name}: JSON would not bring it back; use plain objects and arrays`);
    }
  }
  return value;
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value === "object" && value !== null && INT in value && Object.keys(value).length === 1) {
    return BigInt(value[INT] as string);
  }
  return value;
}
