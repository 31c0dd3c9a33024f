import { Fault } from "../../lib/fault.ts";
import type { Path, PathNode, Slice } from "./syntax.ts";

export interface EvaluateOptions {
  /** A member that is not there is nothing, instead of an error. Default false. */
  readonly allowMissingKeys?: boolean;
}

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Everything that a path leads to from the values given. Throws Fault `invalid`. */
export function follow(path: Path, from: readonly unknown[], options: EvaluateOptions): readonly unknown[] {
  let values = from;
  for (const node of path) values = take(node, values, options);
  return values;
}

function take(node: PathNode, values: readonly unknown[], options: EvaluateOptions): readonly unknown[] {
  switch (node.kind) {
    case "text":
      return [node.text];
    case "number":
    case "boolean":
      return [node.value];
    case "field":
      return fieldOf(node.name, values, options);
    case "wildcard":
      return values.flatMap(childrenOf);
    case "recursive":
      return values.flatMap(descendants);
    case "slice":
      return values.flatMap((value) => sliced(value, node.slice));
    case "union":
      return node.paths.flatMap((path) => follow(path, values, options));
    case "filter":
      return values.flatMap((value) => filtered(value, node, options));
    case "identifier":
      throw new Fault("invalid", `unrecognized identifier ${node.name}`);
  }
}

function fieldOf(name: string, values: readonly unknown[], options: EvaluateOptions): readonly unknown[] {
  // `.` alone is the object itself
  if (name === "") return values;
  const found = values.flatMap((value) => (isMembers(value) && Object.hasOwn(value, name) ? [value[name]] : []));
  if (found.length === 0 && !options.allowMissingKeys) throw new Fault("invalid", `${name} is not found`);
  return found;
}

function childrenOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isMembers(value) ? Object.values(value) : [];
}

/** All objects and lists that have something in them, the value itself first. */
function descendants(value: unknown): readonly unknown[] {
  const found: unknown[] = [];
  const waiting = [value];
  for (let next = waiting.pop(); waiting.length > 0 || next !== undefined; next = waiting.pop()) {
    const children = childrenOf(next);
    if (children.length > 0) found.push(next);
    for (let index = children.length - 1; index >= 0; index--) {
      if (typeof children[index] === "object" && children[index] !== null) waiting.push(children[index]);
    }
  }
  return found;
}

function sliced(value: unknown, { from = 0, to, step = 1, single }: Slice): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Fault("invalid", `${shown(value)} is not array or slice`);
  const { length } = value;
  const start = from < 0 ? from + length : from;
  const last = single ? (from === -1 ? length : from + 1) : (to ?? length);
  const end = last < 0 ? last + length : last;
  if (start === end) return [];
  if (start >= length || start < 0) throw outOfBounds(start, length);
  if (end > length || end < 0) throw outOfBounds(end - 1, length);
  if (start > end) {
    throw new Fault("invalid", `starting index ${start} is greater than ending index ${end}`);
  }
  if (step <= 0) throw new Fault("invalid", "step must be > 0");
  const part = value.slice(start, end);
  return step === 1 ? part : part.filter((_, index) => index % step === 0);
}

function outOfBounds(index: number, length: number): Fault {
  return new Fault("invalid", `array index out of bounds: index ${index}, length ${length}`);
}

function filtered(
  value: unknown,
  { left, right, operator }: Extract<PathNode, { readonly kind: "filter" }>,
  options: EvaluateOptions,
): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new Fault("invalid", `${shown(value)} is not array or slice and cannot be filtered`);
  }
  return value.filter((item) => {
    const lefts = attempt(left, item, options);
    if (operator === "exists") return (lefts?.length ?? 0) > 0;
    const rights = lefts && attempt(right, item, options);
    if (!lefts?.length || !rights?.length) return false;
    if (lefts.length > 1 || rights.length > 1) {
      throw new Fault("invalid", "can only compare one element at a time");
    }
    return compares(lefts[0], rights[0], operator);
  });
}

// Elements without the member do not match; that is no error.
function attempt(path: Path, item: unknown, options: EvaluateOptions): readonly unknown[] | undefined {
  try {
    return follow(path, [item], options);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

function compares(left: unknown, right: unknown, operator: string): boolean {
  if (operator === "==") return isSame(left, right);
  if (operator === "!=") return !isSame(left, right);
  const ordered = (typeof left === "number" || typeof left === "string") && typeof left === typeof right;
  const [a, b] = [left as number, right as number];
  switch (operator) {
    case "<":
    case "<=":
    case ">":
    case ">=":
      if (!ordered) throw new Fault("invalid", "invalid type for comparison");
      return operator === "<" ? a < b : operator === "<=" ? a <= b : operator === ">" ? a > b : a >= b;
    default:
      throw new Fault("invalid", `unrecognized filter operator ${operator}`);
  }
}

function isSame(left: unknown, right: unknown): boolean {
  if (typeof left === "object" || typeof right === "object") throw new Fault("invalid", "invalid type for comparison");
  if (typeof left !== typeof right) throw new Fault("invalid", "incompatible types for comparison");
  return left === right;
}

function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
