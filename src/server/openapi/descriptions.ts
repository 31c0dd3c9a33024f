import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What a type and its fields are for, in the words of the Kubernetes API. */
export interface TypeDescription {
  readonly text: string;
  readonly fields: ReadonlyMap<string, string>;
}

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
    const place = typeName.slice(0, dot);
    let file = this.#files.get(place);
    if (!file) {
      file = this.#read(place);
      this.#files.set(place, file);
    }
    return file.get(typeName.slice(dot + 1));
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

/** Reads the comments of a declaration file: of each interface, and of each of its members. */
export function parseDescriptions(source: string): ReadonlyMap<string, TypeDescription> {
  const types = new Map<string, TypeDescription>();
  let comment = "";
  let fields: Map<string, string> | undefined;
  for (const line of source.split("\n")) {
    const said = /^\s*\/\*\* (.*) \*\/$/.exec(line)?.[1];
    if (said !== undefined) {
      comment = said.replaceAll("\\", "");
      continue;
    }
    const opened = /^export interface (\w+)/.exec(line)?.[1];
    const member = /^ {4}(?:readonly )?"?([\w$-]+)"?\??:/.exec(line)?.[1];
    if (opened) {
      fields = new Map();
      types.set(opened, { text: comment, fields });
    } else if (member && fields && comment) fields.set(member, comment);
    comment = "";
  }
  return types;
}
