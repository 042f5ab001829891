// The component's outside. The guard comes first: what an author's file does when it is loaded is held to the rules too.

import { living } from "./guard.ts";
import definition from "../src/zone.ts";
import { component } from "./index.ts";

export const logic = living(component(definition));
