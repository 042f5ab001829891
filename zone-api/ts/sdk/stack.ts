// Where an error happened, in the author's own files.

/**
 * Of the bundle: sources, and for each mapped line its number, the source's index and the line there. Put in by build.mjs; empty in
 * tests, where Node says it.
 */
declare const WOD_LINES: string;

/** Most functions named, innermost first. */
const FRAMES = 6;

type Lines = { sources: string[]; lines: [generated: number, source: number, line: number][] };

/** ` at greet (src/zone.ts:31) < …`; nothing where the engine does not say. */
export function explain(error: unknown): string {
  // Not every error is an `Error` of this realm: those that tell of a refused act are not.
  const stack = typeof error === "object" && error !== null && "stack" in error ? error.stack : undefined;
  const table = WOD_LINES;
  if (typeof stack !== "string" || table === "") {
    return "";
  }
  const { sources, lines } = JSON.parse(table) as Lines;
  const frames: string[] = [];
  // SpiderMonkey writes `function@file:line:column`.
  for (const [, name, line] of stack.matchAll(/^(.*?)@.*?bundle\.js:(\d+):\d+$/gm)) {
    const place = lines.find(([generated]) => generated === Number(line));
    const source = place && sources[place[1]];
    if (source && frames.length < FRAMES) {
      frames.push(`${name || "(module)"} (${source}:${place[2]})`);
    }
  }
  return frames.length > 0 ? ` at ${frames.join(" < ")}` : "";
}
