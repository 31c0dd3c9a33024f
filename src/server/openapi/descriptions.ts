import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What a type and its fields are for, in the words of the Kubernetes API. */
export interface TypeDescription {
  readonly text: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Where the types of a group's early versions are found today, if not in its v1. */
const successors: Readonly<Record<string, readonly string[]>> = {
  extensions: ["apps/v1", "networking/v1", "batch/v1", "autoscaling/v1", "policy/v1"],
  autoscaling: ["autoscaling/v2", "autoscaling/v1"],
};
const renamed: Readonly<Record<string, string>> = {
  PetSet: "StatefulSet",
  PetSetSpec: "StatefulSetSpec",
  PetSetStatus: "StatefulSetStatus",
  ScheduledJob: "CronJob",
  ScheduledJobSpec: "CronJobSpec",
  ScheduledJobStatus: "CronJobStatus",
};

/**
 * Descriptions of the API's types by their full names (`apps/v1.Deployment`), out of the comments of the package
 * `kubernetes-types`, whose files are read when first asked for. Types that it does not have are described by nothing.
 */
export class Descriptions {
  readonly #folder: string | undefined;
  readonly #files = new Map<string, ReadonlyMap<string, TypeDescription>>();

  constructor(folder: string | undefined = installedFolder()) {
    this.#folder = folder;
  }

  of(typeName: string): TypeDescription | undefined {
    const dot = typeName.lastIndexOf(".");
    const name = typeName.slice(dot + 1);
    const place = typeName.slice(0, dot);
    const found = this.#in(place).get(name);
    if (found) return found;
    // Early versions have gone from the package; what became of their types means the same.
    const [group = ""] = place.split("/");
    for (const later of successors[group] ?? [`${group}/v1`]) {
      const same = this.#in(later).get(renamed[name] ?? name);
      if (same) return same;
    }
    return undefined;
  }

  #in(place: string): ReadonlyMap<string, TypeDescription> {
    let file = this.#files.get(place);
    if (!file) {
      file = this.#read(place);
      this.#files.set(place, file);
    }
    return file;
  }

  #read(place: string): ReadonlyMap<string, TypeDescription> {
    if (!this.#folder || !/^[a-z_]+\/v[a-z0-9]+$/.test(place)) return new Map();
    const path = join(this.#folder, `${place}.d.ts`);
    return existsSync(path) ? parseDescriptions(readFileSync(path, "utf8")) : new Map();
  }
}

function installedFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve("kubernetes-types/package.json"));
  } catch {
    return undefined;
  }
}

/** Reads the comments of a declaration file: of each type, and of each of its members. */
export function parseDescriptions(source: string): ReadonlyMap<string, TypeDescription> {
  const types = new Map<string, TypeDescription>();
  let comment = "";
  let fields: Map<string, string> | undefined;
  let open: string[] | undefined;
  for (const line of source.split("\n")) {
    const said = /^\s*\/\*\* (.*) \*\/$/.exec(line)?.[1] ?? (/^\s*\*\/$/.test(line) ? open?.join("\n") : undefined);
    if (said !== undefined) {
      comment = said.replaceAll("\\", "");
      open = undefined;
      continue;
    }
    if (/^\s*\/\*\*$/.test(line)) open = [];
    else open?.push(line.replace(/^\s*\* ?/, ""));
    if (open) continue;
    const opened = /^export (?:interface|type) (\w+)/.exec(line)?.[1];
    const member = /^ {4}(?:readonly )?"?([\w$-]+)"?\??:/.exec(line)?.[1];
    if (opened) {
      fields = new Map();
      types.set(opened, { text: comment, fields });
    } else if (member && fields && comment) fields.set(member, comment);
    comment = "";
  }
  return types;
}
