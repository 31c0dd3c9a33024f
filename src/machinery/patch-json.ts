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

/** Why a step cannot be done, in the words that Kubernetes' users know; told only to those who read the cause. */
class Impossible extends Error {}

/** A `test` step found another value. */
export class TestFailed extends Impossible {}

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
  const path = textOf(step?.path);
  switch (step?.op) {
    case "add": {
      if (path === undefined) throw missing("add operation failed to decode path");
      const target = locate(document, path, `add operation does not apply: doc is missing path: "${path}"`);
      return explained(`error in add for path: '${path}'`, () => add(document, target, step.value ?? null));
    }
    case "remove": {
      if (path === undefined) throw missing("remove operation failed to decode path");
      const target = locate(document, path, `remove operation does not apply: doc is missing path: "${path}"`);
      return explained(`error in remove for path: '${path}'`, () => change(document, target, remove));
    }
    case "replace": {
      if (path === undefined) throw missing("replace operation failed to decode path: operation missing path field");
      const target = locate(document, path, `replace operation does not apply: doc is missing path: ${path}`);
      if (isOutside(target)) throw missing(`replace operation does not apply: doc is missing key: ${path}`);
      return change(document, target, (holder, name) => replace(holder, name, step.value ?? null));
    }
    case "move":
      return move(document, textOf(step.from), path);
    case "copy":
      return copy(document, textOf(step.from), path, copied);
    case "test": {
      if (path === undefined) throw missing("test operation failed to decode path: operation missing path field");
      const target = locate(document, path, `test operation does not apply: is missing path: ${path}`);
      const found = explained(`error in test for path: '${path}'`, () => memberOf(target));
      if (isEqual(found ?? null, step.value ?? null)) return document;
      throw new TestFailed(`testing value ${path} failed: test failed`);
    }
    default:
      throw new Impossible(`Unexpected kind: ${typeof step?.op === "string" ? step.op : "unknown"}`);
  }
}

function move(document: unknown, from: string | undefined, path: string | undefined): unknown {
  if (from === undefined) throw missing("move operation failed to decode from: operation, missing from field");
  const source = locate(document, from, `move operation does not apply: doc is missing from path: ${from}`);
  const [moved, rest] = explained(`error in move for path: '${source.path.at(-1)}'`, () => [
    memberOf(source),
    change(document, source, remove),
  ]);
  if (path === undefined) throw missing("move operation failed to decode path: operation missing path field");
  const target = locate(rest, path, `move operation does not apply: doc is missing destination path: ${path}`);
  return explained(`error in move for path: '${path}'`, () => add(rest, target, moved));
}

function copy(
  document: unknown,
  from: string | undefined,
  path: string | undefined,
  copied: { size: number },
): unknown {
  if (from === undefined) throw missing("copy operation failed to decode from: operation, missing from field");
  const source = locate(document, from, `copy operation does not apply: doc is missing from path: ${from}`);
  const found = explained(`error in copy for from: '${from}'`, () => memberOf(source)) ?? null;
  if (path === undefined) throw missing("copy operation failed to decode path");
  const target = locate(document, path, `copy operation does not apply: doc is missing destination path: ${path}`);
  copied.size += jsonSize(found, copyLimit - copied.size);
  if (copied.size > copyLimit) {
    throw new Impossible(
      `Unable to complete the copy, the accumulated size increase of copy is ${copied.size}, exceeding the limit ${copyLimit}`,
    );
  }
  return explained("error while adding value during copy", () => add(document, target, found));
}

const missing = (what: string) => new Impossible(`${what}: missing value`);
const textOf = (value: unknown) => (typeof value === "string" ? value : undefined);

/** Says where it was that a step could not be done. */
function explained<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Impossible) throw new Impossible(`${where}: ${error.message}`);
    throw error;
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

type Holder = readonly unknown[] | Readonly<Record<string, unknown>>;
type Change = (holder: Holder, name: string) => Holder;

/** A place that a step is about: what holds it is there, it need not be itself. */
interface Target {
  readonly path: readonly string[];
  readonly holder: Holder;
}

/** Finds what holds a pointer's last step; when that is not there, the step is impossible for this reason. */
function locate(document: unknown, pointer: string, reason: string): Target {
  if (!pointer.startsWith("/")) throw missing(reason);
  const path = pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  let holder = document;
  for (const name of path.slice(0, -1)) {
    if (typeof holder !== "object" || holder === null) throw missing(reason);
    const at = holder as Holder;
    const isThere = isList(at) ? positionIn(name, at.length) !== undefined : Object.hasOwn(at, name);
    if (!isThere) throw missing(reason);
    holder = get(at, name);
  }
  if (typeof holder !== "object" || holder === null) throw missing(reason);
  return { path, holder: holder as Holder };
}

/** The value of a place: undefined for a member that is not there; a position in a list must be. */
function memberOf({ holder, path }: Target): unknown {
  const name = path.at(-1) ?? "";
  return isList(holder) || Object.hasOwn(holder, name) ? get(holder, name) : undefined;
}

const isOutside = ({ holder, path }: Target) =>
  isList(holder) && positionIn(path.at(-1) ?? "", holder.length) === undefined;

/** Changes what holds a place, and copies all that holds it in turn. */
function change(document: unknown, { path }: Target, how: Change, at = 0): unknown {
  const name = path[at] as string;
  const holder = document as Holder;
  if (at === path.length - 1) return how(holder, name);
  return replace(holder, name, change(get(holder, name), { path, holder }, how, at + 1));
}

const isList = (holder: Holder): holder is readonly unknown[] => Array.isArray(holder);

function positionIn(name: string, end: number): number | undefined {
  if (!/^[+-]?\d+$/.test(name)) return undefined;
  const index = Number(name) < 0 ? Number(name) + end : Number(name);
  return index < 0 || index >= end ? undefined : index;
}

function position(name: string, end: number): number {
  const index = positionIn(name, end);
  if (index !== undefined) return index;
  if (!/^[+-]?\d+$/.test(name)) throw new Impossible(`strconv.Atoi: parsing ${JSON.stringify(name)}: invalid syntax`);
  throw new Impossible(`Unable to access invalid index: ${Number(name)}: invalid index referenced`);
}

function get(holder: Holder, name: string): unknown {
  return isList(holder) ? holder[position(name, holder.length)] : holder[name];
}

function replace(holder: Holder, name: string, value: unknown): Holder {
  if (isList(holder)) return holder.with(position(name, holder.length), value);
  const made = { ...holder };
  setOwn(made, name, value);
  return made;
}

function remove(holder: Holder, name: string): Holder {
  if (isList(holder)) return holder.toSpliced(position(name, holder.length), 1);
  if (!Object.hasOwn(holder, name)) throw missing(`Unable to remove nonexistent key: ${name}`);
  const made: Record<string, unknown> = { ...holder };
  delete made[name];
  return made;
}

function add(document: unknown, target: Target, value: unknown): unknown {
  return change(document, target, (holder, name) => {
    if (!isList(holder)) return replace(holder, name, value);
    if (name === "-") return [...holder, value];
    const wrong = /^[+-]?\d+$/.test(name) ? undefined : `value was not a proper array index: '${name}'`;
    const at = () => position(name, holder.length + 1);
    return holder.toSpliced(wrong === undefined ? at() : explained(wrong, at), 0, value);
  });
}
