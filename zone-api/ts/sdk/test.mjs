// `npm test`: the zone's tests in plain Node, without a component. The contract's imports end in testing.ts.

import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

import { contract as types, interfaces, WORLD } from "./contract.mjs";

const HERE = import.meta.dirname;
const ZONE = join(HERE, "..");
const TESTS = join(ZONE, "test");
const OUT = join(HERE, "tests");

await types(join(HERE, "wit"), WORLD, HERE);
const functions = new Map((await interfaces(HERE, WORLD)).map(({ module, short, functions }) => [module, { short, functions }]));

/** Modules of the contract, each of whose functions asks the stage. */
const contract = {
  name: "contract",
  setup(plugins) {
    plugins.onResolve({ filter: /^wod:/ }, ({ path }) => ({ path, namespace: "contract" }));
    plugins.onLoad({ filter: /.*/, namespace: "contract" }, ({ path }) => {
      const { short, functions: names } = functions.get(path);
      const lines = names.map((name) => `export const ${name} = (...args) => imported("${short}.${name}", args);`);
      return { contents: [`import { imported } from "wod/testing";`, ...lines].join("\n"), resolveDir: HERE };
    });
  },
};

const files = (await readdir(TESTS)).filter((name) => name.endsWith(".test.ts")).map((name) => join(TESTS, name));
await rm(OUT, { recursive: true, force: true });
await build({
  entryPoints: files,
  absWorkingDir: ZONE,
  outdir: OUT,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  alias: { wod: join(HERE, "index.ts"), "wod/testing": join(HERE, "testing.ts") },
  define: { WOD_LINES: '""' },
  plugins: [contract],
  sourcemap: "inline",
  logLevel: "warning",
});
const built = (await readdir(OUT)).map((name) => join(OUT, name));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...built], { stdio: "inherit" });
process.exitCode = status ?? 1;
