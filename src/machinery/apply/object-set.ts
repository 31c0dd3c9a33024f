import { emptySet, type FieldSet, nodeOf, unionSets } from "./field-set.ts";
import { fieldStep } from "./path-element.ts";
import { deduced, type Shape, stepTo } from "./shape.ts";

type Members = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The places that an object says something about: what someone who applies it owns. */
export function setOfObject(shape: Shape, object: unknown): FieldSet {
  return walk(shape, object).inner;
}

/** A value's own part: whether its place is in the set, and what is behind it. */
function walk(given: Shape, value: unknown): { readonly member: boolean; readonly inner: FieldSet } {
  const shape = deduced(given, value);
  if (shape.kind === "leaf") return { member: true, inner: emptySet };
  const inner: Record<string, FieldSet> = {};
  if (shape.kind === "set" || shape.kind === "keyed") {
    if (!Array.isArray(value)) return { member: false, inner };
    for (const item of value) {
      const step = stepTo(shape, item);
      const found = shape.kind === "set" ? emptySet : walk(shape.item, item).inner;
      const node = nodeOf(true, found) as FieldSet;
      const before = inner[step];
      // Of an element that is there twice only the place is known, not which of the two is meant behind it.
      inner[step] = before === undefined ? node : emptySet;
    }
    return { member: false, inner };
  }
  if (!isObject(value)) return { member: false, inner };
  for (const name in value) {
    const member = value[name];
    if (member === undefined) continue;
    const known = shape.kind === "struct" ? shape.field(name) : shape.value;
    if (known === undefined) continue;
    const found = walk(known, member);
    const named = shape.kind === "struct" && !(shape.open && known.kind === "free");
    const own = found.member || !named || member === null || (isObject(member) && isEmptyObject(member));
    const node = nodeOf(own, found.inner);
    if (node !== undefined) inner[fieldStep(name)] = node;
  }
  return { member: false, inner };
}

function isEmptyObject(value: Members): boolean {
  for (const key in value) if (value[key] !== undefined) return false;
  return true;
}

/** Adds the places of named members that are only on the way to others: owning `spec.replicas` means owning `spec`. */
export function withNamedMembers(shape: Shape, set: FieldSet): FieldSet {
  const made: Record<string, FieldSet> = {};
  for (const step in set) {
    const node = set[step] as FieldSet;
    if (step === ".") {
      made[step] = node;
      continue;
    }
    const inner = shapeBehind(shape, step);
    const deeper = inner ? withNamedMembers(inner, node) : node;
    const named = shape.kind === "struct" && step.startsWith("f:") && shape.field(step.slice(2)) !== undefined;
    made[step] = named ? (nodeOf(true, withoutDot(deeper)) as FieldSet) : deeper;
  }
  return made;
}

const withoutDot = ({ ".": _, ...rest }: FieldSet & { readonly "."?: FieldSet }): FieldSet => rest as FieldSet;

function shapeBehind(shape: Shape, step: string): Shape | undefined {
  if (shape.kind === "free") return shape;
  if (step.startsWith("f:")) {
    if (shape.kind === "struct") return shape.field(step.slice(2));
    return shape.kind === "map" ? shape.value : undefined;
  }
  return shape.kind === "keyed" ? shape.item : undefined;
}

/** Every place of several sets. */
export function unionAll(sets: Iterable<FieldSet>): FieldSet {
  let all = emptySet;
  for (const set of sets) all = unionSets(all, set);
  return all;
}
