import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { errorMessage } from "../../../lib/fault.ts";
import { parseJson } from "../../../machinery/json-text.ts";
import type { Host } from "../host.ts";
import { CommandError, SourceError } from "../messages.ts";
import { yamlProblem } from "../yaml-problem.ts";
import { kustomizationIn } from "./kustomize-name.ts";
import type { AnyObject } from "./resource-info.ts";

/** One document of a file. */
export interface Manifest {
  readonly object: AnyObject;
  /** As messages call it: the path as it was given, `STDIN` or an address. */
  readonly source: string;
}

export interface ReadOptions {
  readonly recursive: boolean;
  /** What an object lacks is told as the result of a check. */
  readonly validated: boolean;
  readonly host: Host;
}

const extensions = [".json", ".yaml", ".yml"];

/**
 * Reads files, folders, addresses and stdin (`-`) one after the other; lists come as their items. What cannot be read is
 * yielded as an error, in its place, and reading goes on.
 */
export async function* readManifests(names: readonly string[], options: ReadOptions): AsyncGenerator<Manifest | Error> {
  const { host } = options;
  const [folder] = names.map(kustomizationIn).filter((name) => name !== undefined);
  if (folder !== undefined) {
    if (names.length > 1) throw new CommandError("only one of -f or -k can be specified");
    if (options.recursive) throw new CommandError("the -k flag can't be used with -f or -R");
    yield* builtFrom(folder, options);
    return;
  }
  for (const name of names) {
    if (name === "-") {
      yield* documentsOf(await readAll(host.stdin), "STDIN", options);
    } else if (/^https?:\/\//.test(name)) {
      yield* documentsOf(await download(name), name, options);
    } else {
      const files = filesOf(name, options);
      for (const file of files) yield* documentsOf(readFile(file, host), file, options);
    }
  }
}

async function* builtFrom(folder: string, options: ReadOptions): AsyncGenerator<Manifest | Error> {
  const { kustomized } = await import("./kustomizations.ts");
  let objects: readonly object[];
  try {
    objects = kustomized(folder, options.host);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    yield new SourceError(error.message);
    return;
  }
  for (const object of objects) yield* objectsOf(object, folder, options);
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

async function* documentsOf(text: string, source: string, options: ReadOptions): AsyncGenerator<Manifest | Error> {
  let values: readonly unknown[];
  try {
    values = await parseDocuments(text);
  } catch (error) {
    yield new SourceError(`error parsing ${source}: ${syntaxProblem(text, errorMessage(error))}`);
    return;
  }
  for (const value of values) yield* objectsOf(value, source, options);
}

/** What is wrong with a text, in the words of Go's readers of JSON and YAML. */
function syntaxProblem(text: string, message: string): string {
  if (isJson(text)) {
    try {
      parseJson(text);
    } catch (error) {
      return errorMessage(error).replace("unexpected end of JSON input", "unexpected EOF");
    }
  }
  return `error converting YAML to JSON: ${yamlProblem(message)}`;
}

const isJson = (text: string) => /^\s*\{/.test(text);

async function parseDocuments(text: string): Promise<readonly unknown[]> {
  if (isJson(text)) {
    try {
      return [JSON.parse(text) as unknown];
    } catch {
      // Several values one after the other, or YAML in braces: the other reader tells.
    }
  }
  const { parseYamlDocuments } = await import("../../../machinery/codec-yaml.ts");
  return parseYamlDocuments(text);
}

function* objectsOf(value: unknown, source: string, options: ReadOptions): Generator<Manifest | Error> {
  const object = value as Partial<AnyObject> & { readonly items?: unknown };
  const bad = (what: string) =>
    new CommandError(`unable to decode "${source}": Object '${what}' is missing in '${JSON.stringify(value)}'`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield new CommandError(
      `unable to decode "${source}": json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  } else if (options.validated && !(object.kind && object.apiVersion)) {
    const missing = [...(object.apiVersion ? [] : ["apiVersion not set"]), ...(object.kind ? [] : ["kind not set"])];
    const what = missing.length > 1 ? `[${missing.join(", ")}]` : missing[0];
    yield new CommandError(
      `error validating "${source}": error validating data: ${what}; if you choose to ignore these errors, turn validation off with --validate=false`,
    );
  } else if (!object.kind) yield bad("Kind");
  else if (object.kind.endsWith("List") && Array.isArray(object.items)) {
    for (const item of object.items) yield* objectsOf(withListType(item, object), source, options);
  } else if (!object.apiVersion) yield bad("apiVersion");
  else yield { object: { ...object, metadata: object.metadata ?? {} } as AnyObject, source };
}

/** The items of a typed list (PodList) may leave out what its kind says. */
function withListType(item: unknown, list: Partial<AnyObject>): unknown {
  if (typeof item !== "object" || item === null || list.kind === "List" || "kind" in item) return item;
  return { apiVersion: list.apiVersion, kind: list.kind?.slice(0, -"List".length), ...item };
}
