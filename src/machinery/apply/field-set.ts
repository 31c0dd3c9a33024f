/**
 * A set of places in an object, in the very form that managedFields has (FieldsV1): each step is a member (`f:spec`,
 * `k:{"name":"a"}`, `v:"x"`, `i:0`); a place is in the set if nothing stands behind its step, or a `.` among what does.
 * Immutable: operations share what they can and return their argument when nothing changes.
 */
export interface FieldSet {
  readonly [step: string]: FieldSet;
}

/** The empty set. */
export const emptySet: FieldSet = Object.freeze({});

const self: FieldSet = emptySet;

/** Whether a set holds no place. */
export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether the place that a step leads to is in the set itself, whatever lies behind it. */
function isMember(node: FieldSet | undefined): boolean {
  return node !== undefined && (node["."] !== undefined || isEmptySet(node));
}

/** What stands behind a step: undefined if neither the place nor any behind it is in the set. */
export function nodeOf(member: boolean, inner: FieldSet): FieldSet | undefined {
  if (isEmptySet(inner)) return member ? self : undefined;
  if (!member) return inner;
  return { ".": self, ...inner };
}

const withoutSelf = (node: FieldSet): FieldSet => {
  if (node["."] === undefined) return node;
  const { ".": _, ...inner } = node;
  return inner;
};

/** Every place that is in one of the sets. */
export function unionSets(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  let made: Record<string, FieldSet> | undefined;
  for (const step in b) {
    const right = b[step] as FieldSet;
    const left = a[step];
    const both = left === undefined ? right : unionNodes(left, right);
    if (both === left) continue;
    made ??= { ...a };
    made[step] = both;
  }
  return made ?? a;
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  const member = isMember(a) || isMember(b);
  const inner = unionSets(withoutSelf(a), withoutSelf(b));
  if (member === isMember(a) && inner === a) return a;
  const made = nodeOf(member, inner) ?? self;
  // A node that says the same as before is kept, so that "nothing changed" stays visible.
  return sameNode(made, a) ? a : made;
}

function sameNode(made: FieldSet, before: FieldSet): boolean {
  const keys = Object.keys(made);
  return (
    keys.length === Object.keys(before).length &&
    keys.every((key) => made[key] === before[key] || (key === "." && before[key] !== undefined))
  );
}

/** The places of the first set that are not in the second. */
export function subtractSet(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (left, right) => {
    const member = isMember(left) && !isMember(right);
    return [member, subtractSet(withoutSelf(left), withoutSelf(right))];
  });
}

/** The places of the first set that are neither in the second nor behind one that is. */
export function subtractBranches(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (left, right) => {
    if (isMember(right)) return [false, emptySet];
    return [isMember(left), subtractBranches(withoutSelf(left), right)];
  });
}

function combine(
  a: FieldSet,
  b: FieldSet,
  rule: (left: FieldSet, right: FieldSet) => readonly [member: boolean, inner: FieldSet],
): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  let made: Record<string, FieldSet> | undefined;
  for (const step in a) {
    const left = a[step] as FieldSet;
    const right = b[step];
    if (right === undefined) continue;
    const [member, inner] = rule(left, right);
    if (member === isMember(left) && inner === withoutSelf(left)) continue;
    const node = nodeOf(member, inner);
    if (node !== undefined && sameNode(node, left)) continue;
    made ??= { ...a };
    if (node === undefined) delete made[step];
    else made[step] = node;
  }
  return made ?? a;
}

/** The places that are in both sets. */
export function intersectSets(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  const made: Record<string, FieldSet> = {};
  for (const step in a) {
    const left = a[step] as FieldSet;
    const right = b[step];
    if (right === undefined) continue;
    const node = nodeOf(isMember(left) && isMember(right), intersectSets(withoutSelf(left), withoutSelf(right)));
    if (node !== undefined) made[step] = node;
  }
  return made;
}

/** What lies behind a step, without the place itself. */
export function behind(set: FieldSet, step: string): FieldSet {
  const node = set[step];
  return node === undefined ? emptySet : withoutSelf(node);
}

/** Whether the place that one step leads to is in the set. */
export function hasStep(set: FieldSet, step: string): boolean {
  return isMember(set[step]);
}

/** A set of whole branches, from paths of field names: `[["status"], ["metadata", "labels"]]`. */
export function setOfPaths(paths: readonly (readonly string[])[]): FieldSet {
  let set = emptySet;
  for (const path of paths) {
    const branch = path.reduceRight<FieldSet>((inner, name) => ({ [`f:${name}`]: inner }), self);
    set = unionSets(set, branch);
  }
  return set;
}

/** Every place of a set as its steps, in order. */
export function* placesOf(set: FieldSet, before: readonly string[] = []): Generator<readonly string[]> {
  for (const step of Object.keys(set).sort()) {
    if (step === ".") continue;
    const node = set[step] as FieldSet;
    const here = [...before, step];
    if (isMember(node)) yield here;
    yield* placesOf(node, here);
  }
}

/** Whether two sets hold the same places. */
export function sameSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((step) => {
    const right = b[step];
    return right !== undefined && sameSets(a[step] as FieldSet, right);
  });
}
