import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../lib/fault.ts";
import type { IdMapping } from "../runtime/resources.ts";

/** Users that a pod has, and how many such ranges a node has (as upstream, the first being the node's own). */
const length = 65_536;
const mostRanges = 65_535;

/** The users of the node that a pod with `hostUsers: false` has as its own. They are noted in the pod's folder and free when that is gone. */
export function userRange(podsFolder: string, uid: string): IdMapping {
  const known = noted(podsFolder, uid);
  if (known) return known;
  const taken = new Set(readdirSync(podsFolder).map((pod) => noted(podsFolder, pod)?.hostId));
  for (let index = 1; index < mostRanges; index++) {
    const range = { hostId: index * length, containerId: 0, length };
    if (taken.has(range.hostId)) continue;
    mkdirSync(join(podsFolder, uid), { recursive: true, mode: 0o750 });
    writeFileSync(fileOf(podsFolder, uid), JSON.stringify({ uidMappings: [range], gidMappings: [range] }));
    return range;
  }
  throw new Fault("unavailable", "no range of users is free for the pod");
}

function noted(podsFolder: string, uid: string): IdMapping | undefined {
  try {
    const { uidMappings } = JSON.parse(readFileSync(fileOf(podsFolder, uid), "utf8")) as {
      readonly uidMappings?: readonly IdMapping[];
    };
    return uidMappings?.[0];
  } catch {
    return undefined; // a pod with the node's users
  }
}

const fileOf = (podsFolder: string, uid: string) => join(podsFolder, uid, "userns");
