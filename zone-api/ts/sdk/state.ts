// Saved state: JSON, with bigints. What JSON would drop or bend without a word is an error instead.

/** How a bigint is written. */
const INT = "$int";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The bytes of a value. An error names the place in it that can't be saved. */
export function toJson(value: unknown): Uint8Array {
  return encoder.encode(toJson.text(value));
}

/** The same before it is encoded. */
toJson.text = (value: unknown): string => JSON.stringify(value, replace);

/** What `toJson` wrote. */
export function fromJson(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes), revive);
}

function replace(key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return { [INT]: value.toString() };
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new Error(`\`${key}\` is ${value}: JSON has no such number`);
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
