// What map authors draw for the zone: posts of NPCs, and things. The host knows them as places with names of their own, and hands
// their properties over as they are; `wod zone build` has checked them. `zones/README.md` lists what can be written.

import { act, query, type types } from "./host.ts";

const POSTS = "@post";
const THINGS = "@thing";
const TAGS = ["look", "title"] as const;

/** A drawn figure, as far as posts and things are the same. */
export interface Drawn {
  /** Of a post: its own name, unique in the map. Of a thing: as players read it; several may share one. */
  name: string;
  at: types.Point;
  /** Where it looks, radians counter-clockwise from east. */
  heading: number;
  /** How it looks, for its tag `look`. */
  look?: string;
  /** What it is called besides, for its tag `title`. */
  title?: string;
  /** What players can do with it. */
  verbs: types.Verb[];
  /** All else that the map's author wrote beside it. */
  properties: Record<string, boolean | bigint | number | string>;
}

/** Where the map posts an NPC, and who it is. */
export interface Post extends Drawn {
  /** The NPC's name, as players read it. */
  npc: string;
  /** Name of the places that it patrols, in the map's order. */
  patrol?: string;
}

/** Something that the map puts somewhere. */
export interface Thing extends Drawn {
  /** The barrier of the map that it opens and closes. */
  door?: string;
}

/** The map's posts, in the map's order: `for (const post of posts()) spawnPost(post);` */
export function posts(): Post[] {
  return query.places(POSTS).map((place) => {
    const { take, drawn } = read(place, "post");
    const [npc, patrol] = [take("npc"), take("patrol")];
    return { ...drawn(), npc: npc ?? drawn().name, ...(patrol === undefined ? {} : { patrol }) };
  });
}

/** The map's post of this name. An error when it has none: the map and the zone don't fit. */
export function post(name: string): Post {
  return named(posts(), name, "post");
}

/** The map's things, in the map's order. */
export function things(): Thing[] {
  return query.places(THINGS).map((place) => {
    const { take, drawn } = read(place, "thing");
    const door = take("door");
    return { ...drawn(), ...(door === undefined ? {} : { door }) };
  });
}

/** The map's first thing of this name. An error when it has none: the map and the zone don't fit. */
export function thing(name: string): Thing {
  return named(things(), name, "thing");
}

/** The NPC of a post, where the map has it: with its name, its look and title as tags, and its verbs. */
export function spawnPost(post: Post): types.EntityId {
  return spawn(post, "npc", post.npc);
}

/** A thing, where the map has it: with its look and title as tags, and its verbs. */
export function spawnThing(thing: Thing): types.EntityId {
  return spawn(thing, "object", thing.name);
}

/**
 * What already stands there, as the map has it now: name, look, title and verbs, not its place. For `started`, because a swap spawns nobody
 * anew: `started(zone) { dress(zone.state.keeper, post("keeper")); }`.
 */
export function dress(entity: types.EntityId, drawn: Post | Thing): void {
  act.rename(entity, "npc" in drawn ? drawn.npc : drawn.name);
  act.setTags(entity, tagsOf(drawn), TAGS.filter((tag) => drawn[tag] === undefined));
  act.setVerbs(entity, drawn.verbs);
}

function spawn(drawn: Drawn, kind: types.Kind, name: string): types.EntityId {
  const { at, heading, verbs } = drawn;
  return act.spawn({ kind, name, at, heading, tags: tagsOf(drawn), verbs });
}

function tagsOf(drawn: Drawn): types.Tag[] {
  return TAGS.flatMap((tag): types.Tag[] => {
    const text = drawn[tag];
    return text === undefined ? [] : [{ name: tag, value: { tag: "text", val: text }, audience: "near" }];
  });
}

function named<D extends Drawn>(all: D[], name: string, what: string): D {
  const found = all.find((drawn) => drawn.name === name);
  if (!found) {
    const names = all.map((drawn) => drawn.name).join(", ");
    throw new Error(`the map has no ${what} \`${name}\` (it has ${names || "none"})`);
  }
  return found;
}

/** `take` takes a text out of the properties; `drawn` is what posts and things share, with the rest of them. */
function read(place: ReturnType<typeof query.places>[number], kind: string) {
  const rest = new Map(place.properties.map(([name, value]) => [name, value.val]));
  const take = (name: string): string | undefined => {
    const value = rest.get(name);
    rest.delete(name);
    return typeof value === "string" ? value : undefined;
  };
  const [name, look, title, verbs] = [take(kind) ?? "", take("look"), take("title"), take("verbs") ?? ""];
  // Written in degrees.
  const heading = (Number(rest.get("heading") ?? 0) * Math.PI) / 180;
  rest.delete("heading");
  const drawn = (): Drawn => ({
    name,
    at: place.at,
    heading,
    ...(look === undefined ? {} : { look }),
    ...(title === undefined ? {} : { title }),
    verbs: verbs.split(";").flatMap(verb),
    properties: Object.fromEntries(rest),
  });
  return { take, drawn };
}

/** `id:label:reach`. The label may have colons of its own. */
function verb(text: string): types.Verb[] {
  const [, id, label, reach] = /^([^:]*):(.*):([^:]*)$/.exec(text) ?? [];
  return id === undefined || label === undefined ? [] : [{ id: id.trim(), label: label.trim(), reach: Number(reach) }];
}
