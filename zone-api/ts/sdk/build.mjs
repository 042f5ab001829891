// Makes a zone's component: types of the contract, type check, one bundle, the component. Run by `wod zone build` in the zone's
// folder; `--quick` changes nothing: the type check takes 0.3 s. What it says goes to standard error.
//
// It ends with 1 and a line for people when the author has something to mend, and with a stack of its own fault.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { build } from "esbuild";

import { contract, WORLD } from "./contract.mjs";
import { lineTable } from "./lines.mjs";

const HERE = import.meta.dirname;
const ZONE = join(HERE, "..");
const WIT = join(HERE, "wit");
const COMPONENT = join(HERE, "component.wasm");
const KEY = join(HERE, "component.key");
/** Without any of these a component imports no WASI: what hosts take. */
const NO_FEATURES = ["stdio", "random", "clocks", "http", "fetch-event"];
/** Stands in the bundle where the table of its lines goes. */
const LINES = "@@wod-lines@@";

const require = createRequire(import.meta.url);

/** The author has something to mend; all was said. */
class Said extends Error {}

async function main() {
  await contract(WIT, WORLD, HERE);
  check();
  const bundle = await bundled();
  // The engine's clock stops at the time of the build, so building twice makes two components. Whoever changed nothing gets the
  // one that is there, and nothing is swapped for it.
  const key = await keyOf(bundle);
  if (existsSync(COMPONENT) && existsSync(KEY) && (await readFile(KEY, "utf8")) === key) {
    return;
  }
  await rm(KEY, { force: true });
  await writeFile(COMPONENT, await componentOf(bundle));
  await writeFile(KEY, key);
}

function check() {
  const compiler = require.resolve("typescript/package.json");
  const { bin } = require(compiler);
  const program = join(compiler, "..", bin.tsc);
  const { status, error } = spawnSync(process.execPath, [program, "--noEmit"], { cwd: ZONE, stdio: ["ignore", 2, 2] });
  if (error) {
    throw error;
  }
  if (status !== 0) {
    throw new Said("the types do not agree: see above");
  }
}

async function bundled() {
  const options = {
    entryPoints: [join(HERE, "entry.ts")],
    absWorkingDir: ZONE,
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2023",
    outfile: join(HERE, "bundle.js"),
    alias: { wod: join(HERE, "index.ts") },
    external: ["wod:*"],
    define: { WOD_LINES: JSON.stringify(LINES) },
    keepNames: false,
    sourcemap: "external",
    sourcesContent: false,
    charset: "utf8",
    write: false,
    logLevel: "warning",
  };
  const { outputFiles } = await build(options).catch((error) => {
    throw error.errors ? new Said("the zone can't be bundled: see above") : error;
  });
  const [map, code] = ["bundle.js.map", "bundle.js"].map((name) => outputFiles.find((file) => file.path.endsWith(name)).text);
  const table = lineTable(JSON.parse(map), HERE, ZONE);
  return code.replaceAll(JSON.stringify(LINES), () => JSON.stringify(JSON.stringify(table)));
}

async function keyOf(bundle) {
  const manifest = new URL("../package.json", import.meta.resolve("@bytecodealliance/componentize-js"));
  const { version } = JSON.parse(await readFile(manifest, "utf8"));
  const wit = await readFile(join(WIT, "zone.wit"));
  return createHash("sha256").update(version).update("\0").update(wit).update("\0").update(bundle).digest("hex");
}

async function componentOf(bundle) {
  const { componentize } = await import("@bytecodealliance/componentize-js");
  const folder = join(HERE, "bundle");
  await mkdir(folder, { recursive: true });
  const sourcePath = join(folder, "bundle.js");
  await writeFile(sourcePath, bundle);
  try {
    const { component } = await componentize({ sourcePath, witPath: WIT, worldName: WORLD, disableFeatures: NO_FEATURES });
    return component;
  } catch (error) {
    // The engine's own words: an author's file failed when it was loaded, for one.
    console.error(error.message);
    throw new Said("no component can be made of the zone: see above");
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Said ? error.message : error);
  process.exitCode = 1;
}
