import { join, normalize, relative, resolve } from "node:path/posix";
import { Fault } from "../lib/fault.ts";

/** The files that a build reads, by absolute paths; whoever calls decides where they are. */
export interface Files {
  /** Undefined when nothing is there. A link is followed. */
  kind(path: string): "file" | "folder" | undefined;
  /** The path without links in it. Called for what is there. */
  real(path: string): string;
  read(path: string): Uint8Array;
}

/** A folder that a build may read from, and how it got there. */
export class Root {
  readonly path: string;
  readonly #files: Files;
  readonly #restricted: boolean;
  readonly #referrer: Root | undefined;

  private constructor(path: string, of: { files: Files; restricted: boolean; referrer?: Root }) {
    this.path = path;
    this.#files = of.files;
    this.#restricted = of.restricted;
    this.#referrer = of.referrer;
  }

  /** The folder that a build begins in; `path` is relative to `cwd`. Throws `invalid`. */
  static open(path: string, at: { readonly files: Files; readonly cwd: string; readonly restricted: boolean }): Root {
    const files = at.files;
    return new Root(folder(files, resolve(at.cwd, path), path), { files, restricted: at.restricted });
  }

  /** Another folder, as a kustomization of this one names it. Throws `invalid` when that leads in a circle. */
  enter(path: string): Root {
    if (path === "") throw new Fault("invalid", "new root cannot be empty");
    refuseRemote(path);
    if (path.startsWith("/")) throw new Fault("invalid", `new root '${path}' cannot be absolute`);
    const joined = join(this.path, path);
    const found = folder(this.#files, joined, joined);
    for (let before: Root | undefined = this; before; before = before.#referrer) {
      if (isWithin(before.path, found)) {
        throw new Fault("invalid", `cycle detected: candidate root '${found}' contains visited root '${before.path}'`);
      }
    }
    return new Root(found, { files: this.#files, restricted: this.#restricted, referrer: this });
  }

  /** Reads a file in or below this folder. Throws `invalid`. */
  read(path: string): Uint8Array {
    refuseRemote(path);
    const absolute = path.startsWith("/") ? path : join(this.path, path);
    const found = real(this.#files, absolute, absolute);
    if (this.#files.kind(found) === "folder") throw new Fault("invalid", `'${found}' must resolve to a file`);
    if (this.#restricted && !isWithin(found, this.path)) {
      throw new Fault("invalid", `security; file '${found}' is not in or below '${this.path}'`);
    }
    return this.#files.read(found);
  }

  /** The same as text. */
  readText(path: string): string {
    return new TextDecoder().decode(this.read(path));
  }

  /** Whether there is a file of this name in the folder itself. */
  has(name: string): boolean {
    return this.#files.kind(join(this.path, name)) === "file";
  }

  /** The folder as the build's first one sees it; empty for that itself. */
  get shownPath(): string {
    let top: Root = this;
    while (top.#referrer) top = top.#referrer;
    return relative(top.path, this.path);
  }
}

function folder(files: Files, absolute: string, shown: string): string {
  let found: string;
  try {
    found = real(files, absolute, shown);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault("invalid", `must build at directory: not a valid directory: ${error.message}`);
  }
  if (files.kind(found) !== "folder") {
    throw new Fault("invalid", `must build at directory: '${shown}': file is not directory`);
  }
  return found;
}

/** A path without its links; when there is nothing, the first part that is missing is told. */
function real(files: Files, absolute: string, asGiven: string): string {
  const path = normalize(absolute).replace(/(.)\/$/, "$1");
  if (files.kind(path) !== undefined) return files.real(path);
  const parts = path.split("/");
  const missing = parts
    .map((_, at) => parts.slice(0, at + 1).join("/"))
    .find((each) => each !== "" && files.kind(each) === undefined);
  throw new Fault("invalid", `evalsymlink failure on '${asGiven}' : lstat ${missing}: no such file or directory`);
}

const isWithin = (path: string, outer: string): boolean =>
  path === outer || path.startsWith(`${outer === "/" ? "" : outer}/`);

/** True for what is on another machine: an address, or a repository in the short form of git. */
export const isRemote = (path: string): boolean =>
  /^(?:[a-z][a-z0-9+.-]*:)+\/\//i.test(path) || /^(?:git@|github\.com[/:])/.test(path);

function refuseRemote(path: string): void {
  if (isRemote(path)) {
    throw new Fault(
      "unsupported",
      `'${path}' is on another machine, and builds read nothing but local files: fetch it first, then name the copy`,
    );
  }
}
