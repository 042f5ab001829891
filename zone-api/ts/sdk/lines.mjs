// From a bundle's source map to a table that the zone carries: which of the author's lines each of the bundle's came from.

import { relative, resolve } from "node:path";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** `{ sources, lines: [[line of the bundle, index of the source, line there]] }`, from 1; of files in `zone` alone. */
export function lineTable(map, out, zone) {
  const sources = map.sources.map((source) => relative(zone, resolve(out, source)));
  const own = sources.map((source) => !/^\.\.|^\.wod\/|node_modules\//.test(source));
  const lines = [];
  let [source, line] = [0, 0];
  for (const [index, segments] of map.mappings.split(";").entries()) {
    let first = true;
    for (const segment of segments.split(",").filter((text) => text !== "")) {
      const [, sourceStep, lineStep] = numbers(segment);
      if (sourceStep === undefined) {
        continue;
      }
      source += sourceStep;
      line += lineStep;
      if (first && own[source]) {
        lines.push([index + 1, source, line + 1]);
      }
      first = false;
    }
  }
  return { sources, lines };
}

/** Base 64 variable-length quantities: 5 bits a digit, the lowest first; the lowest bit of all is the sign. */
function numbers(segment) {
  const found = [];
  let [value, shift] = [0, 0];
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value |= (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) === 0) {
      found.push(value & 1 ? -(value >> 1) : value >> 1);
      [value, shift] = [0, 0];
    }
  }
  return found;
}
