// From the contract's WIT to what TypeScript sees of it: `types/` (declarations of every interface) and `host.ts` (all of them
// under their short names). Nothing is made anew while the WIT is the same.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Of the WIT. */
export const WORLD = "zone";
const MODULE = /^declare module '([^']+)'/m;
/** In the world's own file, what modules export says so in a comment. */
const EXPORT = /\/\/ export (\S+)$/gm;
const FUNCTION = /^ {2}export function ([A-Za-z0-9_$]+)\(/gm;

/** Writes both into `out`. */
export async function contract(wit, world, out) {
  const key = createHash("sha256").update(await readFile(join(wit, "zone.wit"))).digest("hex");
  const stamp = `// Made by \`wod zone build\` from zone.wit, ${key}.\n`;
  const host = join(out, "host.ts");
  if (existsSync(host) && (await readFile(host, "utf8")).startsWith(stamp)) {
    return;
  }
  const types = join(out, "types");
  await rm(types, { recursive: true, force: true });
  for (const [name, text] of await declarations(wit, world)) {
    const file = join(types, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const lines = (await interfaces(out, world)).map(({ module, short, functions }) => {
    // What has no functions is not there when the zone runs.
    return `export ${functions.length > 0 ? "" : "type "}* as ${short} from "${module}";\n`;
  });
  await writeFile(host, [stamp, ...lines].join(""));
}

/** Of all interfaces, `{ module: "wod:zone/act@1.0.0", short: "act", functions: ["spawn", …] }`; only functions that modules import. */
export async function interfaces(out, world) {
  const folder = join(out, "types", "interfaces");
  const outline = await readFile(join(out, "types", `${world}.d.ts`), "utf8");
  const exported = new Set([...outline.matchAll(EXPORT)].map((match) => match[1]));
  const found = [];
  for (const name of (await readdir(folder)).sort()) {
    const text = await readFile(join(folder, name), "utf8");
    const module = MODULE.exec(text)?.[1];
    if (!module) {
      throw new Error(`${name} declares no module: is there another generator of types installed?`);
    }
    const short = module.replace(/^.*\//, "").replace(/@.*$/, "").replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    const functions = exported.has(module) ? [] : [...text.matchAll(FUNCTION)].map((match) => match[1]);
    found.push({ module, short, functions });
  }
  return found;
}

async function declarations(wit, world) {
  const { types } = await import("@bytecodealliance/jco");
  const files = await types(wit, { worldName: world, guest: true });
  const decoder = new TextDecoder();
  return Object.entries(files).map(([name, bytes]) => [name, decoder.decode(bytes)]);
}
