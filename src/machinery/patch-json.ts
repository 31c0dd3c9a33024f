import { isEqual } from "./equality.ts";
import { describe } from "./json-decode.ts";
import { setOwn } from "./patch-merge.ts";
import { badRequest, StatusError } from "./status-error.ts";

const operationLimit = 10_000;
/** So much JSON may `copy` steps add together: each could double what is there. */
const copyLimit = 3 * 1024 * 1024;

interface Step {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly from?: unknown;
  readonly value?: unknown;
}

/** Why a step cannot be done; told to nobody but the one who reads the cause. */
class Impossible extends Error {}

/**
 * Applies a JSON Patch (RFC 6902) and returns the patched value; the arguments stay as they are, and share with the result what
 * no step touched. Throws BadRequest for what is no patch, RequestEntityTooLarge for one with too many steps, and Invalid
 * (422, with the one text that Kubernetes has for them all) when a step cannot be done or a test fails. As in Kubernetes,
 * `replace` makes a member that is not there, and positions may count from a list's end.
 */
export function applyJsonPatch(value: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw badRequest(`json: cannot unmarshal ${describe(patch)} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > operationLimit) {
    throw new StatusError(
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${operationLimit}, got ${patch.length}`,
    );
  }
  try {
    const copied = { size: 0 };
    return patch.reduce<unknown>((document, step: Step) => applyStep(document, step, copied), value);
  } catch (error) {
    if (!(error instanceof Impossible)) throw error;
    throw new StatusError("Invalid", "the server rejected our request due to an error in our request", {
      details: {},
      cause: error,
    });
  }
}

function applyStep(document: unknown, step: Step | null, copied: { size: number }): unknown {
  const path = pointer(step?.path);
  switch (step?.op) {
    case "add":
      return add(document, path, step.value ?? null);
    case "remove":
      return change(document, path, remove);
    case "replace":
      return change(document, path, (holder, name) => replace(holder, name, step.value ?? null));
    case "move": {
      const from = pointer(step.from);
      const moved = read(document, from);
      return add(change(document, from, remove), path, moved);
    }
    case "copy": {
      const found = read(document, pointer(step.from));
      copied.size += jsonSize(found, copyLimit - copied.size);
      if (copied.size > copyLimit) {
        throw new Impossible(
          `the accumulated size increase of copy is ${copied.size}, exceeding the limit ${copyLimit}`,
        );
      }
      return add(document, path, found);
    }
    case "test": {
      if (!isEqual(readOptional(document, path), step.value ?? null))
        throw new Impossible(`test failed: ${path.join("/")}`);
      return document;
    }
    default:
      throw new Impossible(`unexpected kind: ${JSON.stringify(step?.op)}`);
  }
}

/** About how long a value is as JSON; counting stops above the limit. */
function jsonSize(value: unknown, limit: number): number {
  let size = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0 && size <= limit) {
    const next = waiting.pop();
    if (typeof next === "string") size += next.length + 2;
    else if (typeof next !== "object" || next === null) size += 5;
    else {
      size += 2;
      for (const [name, member] of Object.entries(next)) {
        size += Array.isArray(next) ? 1 : name.length + 4;
        waiting.push(member);
        if (size > limit) break;
      }
    }
  }
  return size;
}

function pointer(path: unknown): readonly string[] {
  if (typeof path !== "string" || !path.startsWith("/")) throw new Impossible(`missing path: ${JSON.stringify(path)}`);
  return path
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

type Holder = readonly unknown[] | Readonly<Record<string, unknown>>;
type Change = (holder: Holder, name: string) => Holder;

/** Changes what holds a path's last step, and copies all that holds it in turn. */
function change(document: unknown, path: readonly string[], how: Change, at = 0): unknown {
  if (typeof document !== "object" || document === null) throw new Impossible(`missing path: ${path.join("/")}`);
  const name = path[at] as string;
  const holder = document as Holder;
  if (at === path.length - 1) return how(holder, name);
  const inner = change(get(holder, name), path, how, at + 1);
  return replace(holder, name, inner);
}

const isList = (holder: Holder): holder is readonly unknown[] => Array.isArray(holder);

function position(list: readonly unknown[], name: string, end: number): number {
  if (!/^-?\d+$/.test(name)) throw new Impossible(`no position: ${name}`);
  const index = Number(name) < 0 ? Number(name) + end : Number(name);
  if (index < 0 || index >= end) throw new Impossible(`no position ${name} in a list of ${list.length}`);
  return index;
}

function get(holder: Holder, name: string): unknown {
  if (isList(holder)) return holder[position(holder, name, holder.length)];
  if (!Object.hasOwn(holder, name)) throw new Impossible(`missing key: ${name}`);
  return holder[name];
}

function replace(holder: Holder, name: string, value: unknown): Holder {
  if (isList(holder)) return holder.with(position(holder, name, holder.length), value);
  const made = { ...holder };
  setOwn(made, name, value);
  return made;
}

function remove(holder: Holder, name: string): Holder {
  if (isList(holder)) return holder.toSpliced(position(holder, name, holder.length), 1);
  if (!Object.hasOwn(holder, name)) throw new Impossible(`missing key: ${name}`);
  const made: Record<string, unknown> = { ...holder };
  delete made[name];
  return made;
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  return change(document, path, (holder, name) => {
    if (!isList(holder)) return replace(holder, name, value);
    const index = name === "-" ? holder.length : position(holder, name, holder.length + 1);
    return holder.toSpliced(index, 0, value);
  });
}

function read(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const name of path) {
    if (typeof value !== "object" || value === null) throw new Impossible(`missing path: ${path.join("/")}`);
    value = get(value as Holder, name);
  }
  return value;
}

/** As `read`, but a member that is not there is null: a test may ask for its absence. */
function readOptional(document: unknown, path: readonly string[]): unknown {
  const holder = read(document, path.slice(0, -1));
  if (typeof holder !== "object" || holder === null) throw new Impossible(`missing path: ${path.join("/")}`);
  const name = path.at(-1) ?? "";
  return isList(holder as Holder) || Object.hasOwn(holder, name) ? get(holder as Holder, name) : null;
}
