import { Fault } from "../lib/fault.ts";
import { encodeYaml } from "../machinery/codec-yaml.ts";
import { isMembers } from "./identity.ts";

/** One step of a replacement's path. */
type Step =
  | { readonly form: "member"; readonly name: string }
  | { readonly form: "every" }
  | { readonly form: "match"; readonly key: string; readonly value: string };

/** The steps of `spec.containers.[name=a].image`; dots within brackets or behind a backslash belong to a name. */
export function replacementSteps(path: string): readonly Step[] {
  const words = path.match(/(?:\[[^\]]*\]|\\.|[^.\\])+/g) ?? [];
  return words.map((word) => {
    const inner = /^\[([\s\S]*)\]$/.exec(word)?.[1];
    const split = inner?.indexOf("=") ?? -1;
    if (inner !== undefined && split >= 0) {
      return { form: "match", key: inner.slice(0, split), value: inner.slice(split + 1) };
    }
    if (word === "*") return { form: "every" };
    return { form: "member", name: (inner ?? word).replace(/\\(.)/g, "$1") };
  });
}

/** A value at a path; undefined when nothing is there. */
export function valueAt(value: unknown, steps: readonly Step[]): unknown {
  const [step, ...rest] = steps;
  if (!step || value === undefined || value === null) return value;
  if (step.form === "every") return Array.isArray(value) ? valueAt(value[0], rest) : undefined;
  if (step.form === "match") {
    return Array.isArray(value)
      ? valueAt(
          value.find((item) => isMatch(item, step)),
          rest,
        )
      : undefined;
  }
  if (Array.isArray(value)) return /^\d+$/.test(step.name) ? valueAt(value[Number(step.name)], rest) : undefined;
  return isMembers(value) ? valueAt(value[step.name], rest) : undefined;
}

/** How the values at a path change, and whether what is missing is made; a value made anew begins as undefined. */
export interface Change {
  readonly set: (value: unknown) => unknown;
  readonly create: boolean;
}

/** Changes every value that a path leads to; undefined when it leads to none. Throws `invalid`. */
export function changedAt(value: unknown, steps: readonly Step[], change: Change): unknown {
  const [step, ...rest] = steps;
  if (!step) return change.set(value);
  if (step.form === "member" && !Array.isArray(value)) return inMember(value, step.name, rest, change);
  if (value === undefined && step.form === "match" && change.create) return [made(step, rest, change)];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) {
    throw new Fault("invalid", `wrong node kind: expected SequenceNode but got ${kindOf(value)}: ${contents(value)}`);
  }
  if (step.form === "member") return inElement(value, step.name, rest, change);
  const places = [...value.keys()].filter((at) => step.form === "every" || isMatch(value[at], step));
  if (places.length === 0) {
    return step.form === "match" && change.create ? [...value, made(step, rest, change)] : undefined;
  }
  let found = false;
  const items = value.map((item: unknown, at) => {
    if (!places.includes(at)) return item;
    const inner = changedAt(item, rest, change);
    found ||= inner !== undefined;
    return inner ?? item;
  });
  return found ? items : undefined;
}

function inMember(value: unknown, name: string, rest: readonly Step[], change: Change): unknown {
  if (value !== undefined && value !== null && !isMembers(value)) {
    throw new Fault("invalid", `wrong node kind: expected MappingNode but got ${kindOf(value)}: ${contents(value)}`);
  }
  const members = value ?? {};
  const before = members[name] ?? undefined;
  if (before === undefined && !change.create) return undefined;
  const after = changedAt(before, rest, change);
  return after === undefined ? undefined : { ...members, [name]: after };
}

function inElement(list: readonly unknown[], name: string, rest: readonly Step[], change: Change): unknown {
  if (!/^\d+$/.test(name)) {
    throw new Fault("invalid", `wrong node kind: expected MappingNode but got SequenceNode: ${contents(list)}`);
  }
  const at = Number(name);
  if (at >= list.length) {
    throw new Fault("invalid", `index ${at} specified but only ${list.length} elements found`);
  }
  const after = changedAt(list[at], rest, change);
  return after === undefined ? undefined : list.with(at, after);
}

function made(
  { key, value }: { readonly key: string; readonly value: string },
  rest: readonly Step[],
  change: Change,
): unknown {
  return changedAt(key === "" ? value : { [key]: value }, rest, change);
}

const isMatch = (item: unknown, { key, value }: { readonly key: string; readonly value: string }): boolean =>
  key === "" ? String(item) === value : isMembers(item) && item[key] !== undefined && String(item[key]) === value;

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "SequenceNode";
  return isMembers(value) ? "MappingNode" : "ScalarNode";
}

const contents = (value: unknown) => `node contents:\n${encodeYaml(value).trimEnd()}`;
