import { setOwn } from "../patch-merge.ts";
import { behind, type FieldSet, hasStep, isEmptySet } from "./field-set.ts";
import { fieldStep } from "./path-element.ts";
import { deduced, type KeyedShape, type SetShape, type Shape, stepTo } from "./shape.ts";

type Members = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Puts what is applied over what is there: members one by one, elements of lists by their keys, leaves as a whole. */
export function mergeApplied(given: Shape, live: unknown, applied: unknown): unknown {
  if (applied === undefined || live === applied) return live;
  if (live === undefined) return applied;
  const shape = deduced(given, applied);
  if (shape.kind === "leaf") return applied;
  if (shape.kind === "set" || shape.kind === "keyed") {
    if (!Array.isArray(applied)) return live ?? applied;
    if (!Array.isArray(live) || live.length === 0) return applied;
    return mergeLists(shape, live, applied);
  }
  if (!isObject(applied)) return isObject(live) && Object.keys(live).length > 0 ? live : applied;
  if (!isObject(live)) return applied;
  const made: Record<string, unknown> = { ...live };
  for (const name in applied) {
    const member = shape.kind === "struct" ? shape.field(name) : shape.value;
    const before = Object.hasOwn(live, name) ? live[name] : undefined;
    setOwn(made, name, member ? mergeApplied(member, before, applied[name]) : applied[name]);
  }
  return made;
}

/**
 * Elements of both lists, each once: those that are applied in their order, the others as near as may be to where they stood.
 */
function mergeLists(
  shape: SetShape | KeyedShape,
  live: readonly unknown[],
  applied: readonly unknown[],
): readonly unknown[] {
  const liveSteps = live.map((item) => stepTo(shape, item));
  const appliedSteps = applied.map((item) => stepTo(shape, item));
  const wanted = new Set(appliedSteps);
  const liveByStep = new Map(live.map((item, index) => [liveSteps[index] as string, item]));
  const shared = appliedSteps.filter((step) => liveByStep.has(step));
  const taken = new Set<string>();
  const made: unknown[] = [];
  const take = (index: number) => {
    const step = appliedSteps[index] as string;
    taken.add(step);
    if (shared[0] === step) shared.shift();
    const item: Shape = shape.kind === "keyed" ? shape.item : { kind: "leaf" };
    made.push(mergeApplied(item, liveByStep.get(step), applied[index]));
  };
  let at = 0;
  let next = 0;
  while (at < live.length || next < applied.length) {
    const step = liveSteps[at];
    if (step !== undefined && next < applied.length) {
      if (step === appliedSteps[next]) {
        take(next++);
        at++;
        continue;
      }
      // In both lists, but its turn among the applied ones has passed or is still to come.
      if (wanted.has(step) && shared[0] !== undefined && shared[0] !== step) {
        at++;
        continue;
      }
    }
    if (step !== undefined) {
      if (!wanted.has(step)) {
        made.push(live[at++]);
        continue;
      }
      if (taken.has(step)) at++;
    }
    if (next < applied.length) take(next++);
  }
  return made;
}

/** A value without the places of a set. A container that loses all it had becomes null. */
export function removePlaces(given: Shape, value: unknown, set: FieldSet): unknown {
  if (isEmptySet(set)) return value;
  const shape = deduced(given, value);
  if (shape.kind === "leaf") return typeof value === "object" ? null : value;
  if (shape.kind === "set" || shape.kind === "keyed") {
    if (!Array.isArray(value)) return null;
    const kept: unknown[] = [];
    for (const item of value) {
      const step = stepTo(shape, item);
      if (hasStep(set, step)) continue;
      kept.push(shape.kind === "keyed" ? removePlaces(shape.item, item, behind(set, step)) : item);
    }
    return kept.length === 0 ? null : kept;
  }
  if (!isObject(value)) return null;
  const kept: Record<string, unknown> = {};
  let some = false;
  for (const name in value) {
    const step = fieldStep(name);
    if (hasStep(set, step)) continue;
    const member = shape.kind === "struct" ? shape.field(name) : shape.value;
    setOwn(kept, name, member ? removePlaces(member, value[name], behind(set, step)) : value[name]);
    some = true;
  }
  return some ? kept : null;
}
