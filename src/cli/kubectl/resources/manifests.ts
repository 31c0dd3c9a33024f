import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { errorMessage } from "../../../lib/fault.ts";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";
import type { AnyObject } from "./resource-info.ts";

/** One document of a file. */
export interface Manifest {
  readonly object: AnyObject;
  /** As messages call it: the path as it was given, `STDIN` or an address. */
  readonly source: string;
}

const extensions = [".json", ".yaml", ".yml"];

/**
 * Reads files, folders, addresses and stdin (`-`) one after the other; lists come as their items. What cannot be read is
 * yielded as an error, in its place, and reading goes on.
 */
export async function* readManifests(
  names: readonly string[],
  options: { readonly recursive: boolean; readonly host: Host },
): AsyncGenerator<Manifest | Error> {
  const { host } = options;
  for (const name of names) {
    if (name === "-") {
      yield* documentsOf(await readAll(host.stdin), "STDIN");
    } else if (/^https?:\/\//.test(name)) {
      yield* documentsOf(await download(name), name);
    } else {
      const files = filesOf(name, options);
      for (const file of files) yield* documentsOf(readFile(file, host), file);
    }
  }
}

function readFile(file: string, host: Host): string {
  try {
    return readFileSync(resolve(host.cwd, file), "utf8");
  } catch (error) {
    throw new CommandError(
      `open ${file}: ${(error as NodeJS.ErrnoException).code === "EACCES" ? "permission denied" : errorMessage(error)}`,
    );
  }
}

function filesOf(name: string, options: { readonly recursive: boolean; readonly host: Host }): readonly string[] {
  const { host } = options;
  const stat = statSync(resolve(host.cwd, name), { throwIfNoEntry: false });
  if (!stat) {
    if (!/[*?[]/.test(name)) throw new CommandError(`the path "${name}" does not exist`);
    const found = matching(name, host);
    if (found.length === 0) throw new CommandError(`pattern matches no files: the path "${name}" does not exist`);
    return found;
  }
  if (!stat.isDirectory()) return [name];
  const files = inFolder(name, options);
  if (files.length === 0) {
    throw new CommandError(`error reading [${name}]: recognized file extensions are [${extensions.join(" ")}]`);
  }
  return files;
}

function inFolder(folder: string, options: { readonly recursive: boolean; readonly host: Host }): readonly string[] {
  return readdirSync(resolve(options.host.cwd, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return options.recursive ? inFolder(path, options) : [];
      return extensions.includes(extname(entry.name)) ? [path] : [];
    });
}

function matching(pattern: string, host: Host): readonly string[] {
  const at = pattern.lastIndexOf("/");
  const folder = at < 0 ? "." : pattern.slice(0, at + 1);
  const last = basename(pattern)
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const form = new RegExp(`^${last}$`);
  try {
    return readdirSync(resolve(host.cwd, folder))
      .filter((name) => form.test(name))
      .sort()
      .map((name) => (at < 0 ? name : folder + name));
  } catch {
    return [];
  }
}

async function download(address: string): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(address);
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    throw new CommandError(`unable to read URL "${address}": ${errorMessage(cause ?? error)}`);
  }
  if (!answer.ok) {
    throw new CommandError(
      `unable to read URL "${address}", server reported ${answer.status} ${answer.statusText}, status code=${answer.status}`,
    );
  }
  return await answer.text();
}

async function* documentsOf(text: string, source: string): AsyncGenerator<Manifest | Error> {
  let values: readonly unknown[];
  try {
    values = await parseDocuments(text);
  } catch (error) {
    yield new CommandError(`error parsing ${source}: error converting YAML to JSON: ${errorMessage(error)}`);
    return;
  }
  for (const value of values) yield* objectsOf(value, source);
}

async function parseDocuments(text: string): Promise<readonly unknown[]> {
  if (/^\s*\{/.test(text)) {
    try {
      return [JSON.parse(text) as unknown];
    } catch {
      // Several values one after the other, or YAML in braces: the other reader tells.
    }
  }
  const { parseYamlDocuments } = await import("../../../machinery/codec-yaml.ts");
  return parseYamlDocuments(text);
}

function* objectsOf(value: unknown, source: string): Generator<Manifest | Error> {
  const object = value as Partial<AnyObject> & { readonly items?: unknown };
  const bad = (what: string) =>
    new CommandError(`unable to decode "${source}": Object '${what}' is missing in '${JSON.stringify(value)}'`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield new CommandError(
      `unable to decode "${source}": json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  } else if (!object.kind) yield bad("Kind");
  else if (object.kind.endsWith("List") && Array.isArray(object.items)) {
    for (const item of object.items) yield* objectsOf(withListType(item, object), source);
  } else if (!object.apiVersion) yield bad("apiVersion");
  else yield { object: { ...object, metadata: object.metadata ?? {} } as AnyObject, source };
}

/** The items of a typed list (PodList) may leave out what its kind says. */
function withListType(item: unknown, list: Partial<AnyObject>): unknown {
  if (typeof item !== "object" || item === null || list.kind === "List" || "kind" in item) return item;
  return { apiVersion: list.apiVersion, kind: list.kind?.slice(0, -"List".length), ...item };
}
