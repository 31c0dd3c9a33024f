import { qualifiedName, validLabelValue } from "../../../../machinery/names.ts";
import { CommandError } from "../../messages.ts";

/** As a node's spec has it. */
export interface Taint {
  readonly key: string;
  readonly value?: string;
  /** Empty: every effect, for one that is taken away. */
  readonly effect: string;
  readonly timeAdded?: string;
}

/** What a command line asks for. */
export interface TaintChanges {
  readonly set: readonly Taint[];
  readonly removed: readonly Taint[];
}

const effects = new Set(["NoSchedule", "PreferNoSchedule", "NoExecute"]);

/** Reads `key=value:effect`, `key:effect-` and the like. Throws CommandError. */
export function readTaints(words: readonly string[]): TaintChanges {
  const set: Taint[] = [];
  const removed: Taint[] = [];
  for (const word of words) {
    if (word.endsWith("-")) {
      const { key, effect } = readTaint(word.slice(0, -1));
      removed.push({ key, effect });
      continue;
    }
    const taint = readTaint(word);
    if (taint.effect === "") throw new CommandError(`invalid taint spec: ${word}`);
    if (set.some(({ key, effect }) => key === taint.key && effect === taint.effect)) {
      const { key, value = "", effect } = taint;
      throw new CommandError(`duplicated taints with the same key and effect: {${key} ${value} ${effect} <nil>}`);
    }
    set.push(taint);
  }
  return { set, removed };
}

function readTaint(word: string): Taint {
  const wrong = (faults: readonly string[]) =>
    new CommandError(`invalid taint spec: ${word}${faults.length > 0 ? `, ${faults.join("; ")}` : ""}`);
  const [before = "", effect = "", ...rest] = word.split(":");
  if (rest.length > 0) throw wrong([]);
  let key = before;
  let value = "";
  if (word.includes(":")) {
    if (!effects.has(effect)) throw new CommandError(`invalid taint effect: ${effect}, unsupported taint effect`);
    const pair = before.split("=");
    if (pair.length > 2) throw wrong([]);
    [key = "", value = ""] = pair;
    const faults = validLabelValue(value);
    if (faults.length > 0) throw wrong(faults);
  }
  const faults = qualifiedName(key);
  if (faults.length > 0) throw wrong(faults);
  return { key, ...(value ? { value } : {}), effect };
}

/** A node's taints after the changes and what that is called. Throws CommandError, or several as AggregateError. */
export function changeTaints(
  node: string,
  before: readonly Taint[],
  { set, removed }: TaintChanges,
  overwrite: boolean,
): { readonly taints: readonly Taint[]; readonly done: string } {
  const same = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect;
  if (!overwrite) {
    const there = set.filter((taint) => before.some((one) => same(one, taint)));
    if (there.length > 0) {
      const keys = there.map(({ key }) => key).join(",");
      throw new CommandError(`node ${node} already has ${keys} taint(s) with same effect(s) and --overwrite is false`);
    }
  }
  let taints: readonly Taint[] = [...set, ...before.filter((taint) => !set.some((one) => same(one, taint)))];
  const added = taints.length !== before.length;
  const errors: CommandError[] = [];
  let deleted = false;
  for (const one of removed) {
    const left = taints.filter(
      (taint) => !(taint.key === one.key && (one.effect === "" || taint.effect === one.effect)),
    );
    if (left.length === taints.length) {
      const name = one.effect ? `${one.key}:${one.effect}` : one.key;
      errors.push(new CommandError(`taint ${JSON.stringify(name)} not found`));
    } else deleted = true;
    taints = left;
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors);
  const done = (added && deleted) || overwrite ? "modified" : added ? "tainted" : "untainted";
  return { taints, done };
}
