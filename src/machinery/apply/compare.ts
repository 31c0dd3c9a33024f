import { emptySet, type FieldSet, nodeOf, subtractBranches } from "./field-set.ts";
import { fieldStep } from "./path-element.ts";
import { deduced, type KeyedShape, type SetShape, type Shape, stepTo } from "./shape.ts";

/** What changed between two objects, place by place. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

type Members = Readonly<Record<string, unknown>>;
type Collected = Record<string, FieldSet>;

/** Where a walk puts what it finds behind the step it is at. */
interface Sink {
  readonly added: Collected;
  readonly modified: Collected;
  readonly removed: Collected;
}

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const newSink = (): Sink => ({ added: {}, modified: {}, removed: {} });

/** Compares an object before and after. What both share is not walked. */
export function compareObjects(shape: Shape, before: unknown, after: unknown): Comparison {
  const sink = newSink();
  if (before !== after) walk(shape, before, after, sink);
  return sink;
}

/** A comparison without what lies in these branches. */
export function excludeBranches({ added, modified, removed }: Comparison, branches: FieldSet): Comparison {
  return {
    added: subtractBranches(added, branches),
    modified: subtractBranches(modified, branches),
    removed: subtractBranches(removed, branches),
  };
}

type Verdict = "added" | "modified" | "removed" | undefined;

/** Walks what is behind a place into `sink`; returns what happened to the place itself. */
function walk(given: Shape, before: unknown, after: unknown, sink: Sink): Verdict {
  if (before === after) return undefined;
  const left = deduced(given, before);
  const right = deduced(given, after);
  let verdict: Verdict;
  if (after === undefined) verdict = inside(left, before, after, sink);
  else if (before === undefined || left.kind === right.kind) verdict = inside(right, before, after, sink);
  else {
    inside(left, before, undefined, sink);
    inside(right, undefined, after, sink);
    verdict = "modified";
  }
  if (verdict) return verdict;
  if (before === undefined) return "added";
  return after === undefined ? "removed" : undefined;
}

function inside(shape: Exclude<Shape, { kind: "free" }>, before: unknown, after: unknown, sink: Sink): Verdict {
  if (shape.kind === "leaf" || (isBare(before) && isBare(after))) {
    if (before === undefined) return "added";
    if (after === undefined) return "removed";
    return equal(before, after) ? undefined : "modified";
  }
  if (shape.kind === "set" || shape.kind === "keyed") {
    compareLists(shape, Array.isArray(before) ? before : [], Array.isArray(after) ? after : [], sink);
    return undefined;
  }
  const left = isObject(before) ? before : {};
  const right = isObject(after) ? after : {};
  const visit = (name: string) => {
    const member = shape.kind === "struct" ? shape.field(name) : shape.value;
    if (member) step(member, fieldStep(name), ownMember(left, name), ownMember(right, name), sink);
  };
  for (const name in left) visit(name);
  for (const name in right) if (!Object.hasOwn(left, name)) visit(name);
  return undefined;
}

const ownMember = (object: Members, name: string) => (Object.hasOwn(object, name) ? object[name] : undefined);

/** Nothing, null, or a container with nothing in it: compared as one value. */
function isBare(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

function step(shape: Shape, name: string, before: unknown, after: unknown, sink: Sink): void {
  if (before === after) return;
  const inner = newSink();
  const verdict = walk(shape, before, after, inner);
  for (const kind of ["added", "modified", "removed"] as const) {
    const node = nodeOf(verdict === kind, inner[kind]);
    if (node !== undefined) sink[kind][name] = node;
  }
}

function compareLists(
  shape: SetShape | KeyedShape,
  before: readonly unknown[],
  after: readonly unknown[],
  sink: Sink,
): void {
  const left = byStep(shape, before);
  const right = byStep(shape, after);
  for (const [name, items] of left) compareElements(shape, name, items, right.get(name) ?? [], sink);
  for (const [name, items] of right) if (!left.has(name)) compareElements(shape, name, [], items, sink);
}

function byStep(shape: SetShape | KeyedShape, list: readonly unknown[]): ReadonlyMap<string, readonly unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const item of list) {
    const name = stepTo(shape, item);
    const known = found.get(name);
    if (known) known.push(item);
    else found.set(name, [item]);
  }
  return found;
}

function compareElements(
  shape: SetShape | KeyedShape,
  name: string,
  before: readonly unknown[],
  after: readonly unknown[],
  sink: Sink,
): void {
  const item: Shape = shape.kind === "keyed" ? shape.item : { kind: "leaf" };
  if (before.length <= 1 && after.length <= 1) {
    step(item, name, before[0], after[0], sink);
    return;
  }
  // Elements that are there more than once have only their place in common: it changed, or it did not.
  if (before.length === 0) sink.added[name] = emptySet;
  else if (after.length === 0) sink.removed[name] = emptySet;
  else if (!equal(before, after)) sink.modified[name] = emptySet;
}

/** Whether two values are the same to the last member. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => equal(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const left = a as Members;
  const right = b as Members;
  for (const key in left) if (!equal(left[key], ownMember(right, key))) return false;
  for (const key in right) if (right[key] !== undefined && !Object.hasOwn(left, key)) return false;
  return true;
}
