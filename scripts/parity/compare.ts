/** One place where an answer is not what was recorded. */
export interface Difference {
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** What the numbered placeholders of a case stand for, both ways. */
export class Bindings {
  readonly #values = new Map<string, string>();
  readonly #names = new Map<string, string>();

  /** True when `value` may stand for the placeholder, given what was seen before. */
  bind(name: string, value: string): boolean {
    const kind = name.slice(0, name.indexOf("#"));
    const known = this.#values.get(name);
    if (known !== undefined) return known === value;
    const other = this.#names.get(`${kind} ${value}`);
    if (other !== undefined) return other === name;
    this.#values.set(name, value);
    this.#names.set(`${kind} ${value}`, name);
    return true;
  }
}

const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`;

const placeholder = (name: string) => `$\{${name}}`;

/** What a placeholder without a number of its own accepts. */
const patterns: Readonly<Record<string, string>> = {
  any: String.raw`[\s\S]*`,
  goValue: String.raw`[\s\S]*`,
  diff: String.raw`[\s\S]*`,
  timestamp: time,
  age: String.raw`\S+`,
  clusterIP: String.raw`\d+\.\d+\.\d+\.\d+`,
  nodePort: String.raw`\d+`,
  continue: String.raw`\S+`,
  token: String.raw`\S+`,
  server: String.raw`\S*`,
  resourceVersion: String.raw`\d+`,
  uid: `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
  suffix: "[a-z0-9]{5}",
  serviceAccountVolume: "[-a-z0-9]+",
};

export interface CompareOptions {
  readonly bindings: Bindings;
  /** Recorded is only a part of the answer. */
  readonly subset: boolean;
  /** Says why a difference is meant; undefined when it is not. */
  readonly declared: (difference: Difference) => string | undefined;
}

/** The differences between what was recorded and what was answered, those that are declared left out. */
export function compare(expected: unknown, actual: unknown, options: CompareOptions): readonly Difference[] {
  const found: Difference[] = [];
  walk(expected, actual, "", options, found);
  return found;
}

function walk(expected: unknown, actual: unknown, path: string, options: CompareOptions, found: Difference[]): void {
  const differ = () => {
    const difference = { path, expected, actual };
    if (options.declared(difference) === undefined) found.push(difference);
  };
  if (typeof expected === "string") {
    if (!matches(expected, actual, options)) differ();
  } else if (typeof expected !== "object" || expected === null) {
    if (expected !== actual) differ();
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) differ();
    else if (options.subset) subsetOfList(expected, actual, path, options, found);
    else if (expected.length !== actual.length) differ();
    else for (const [index, item] of expected.entries()) walk(item, actual[index], `${path}[${index}]`, options, found);
  } else if (typeof actual !== "object" || actual === null || Array.isArray(actual)) differ();
  else members(expected as Record<string, unknown>, actual as Record<string, unknown>, path, options, found);
}

function members(
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
  path: string,
  options: CompareOptions,
  found: Difference[],
): void {
  for (const [name, value] of Object.entries(expected)) {
    walk(value, Object.hasOwn(actual, name) ? actual[name] : undefined, `${path}.${name}`, options, found);
  }
  if (options.subset) return;
  for (const name of Object.keys(actual)) {
    if (!Object.hasOwn(expected, name)) walk(undefined, actual[name], `${path}.${name}`, options, found);
  }
}

function subsetOfList(
  expected: readonly unknown[],
  actual: readonly unknown[],
  path: string,
  options: CompareOptions,
  found: Difference[],
): void {
  for (const [index, item] of expected.entries()) {
    const place = `${path}[${index}]`;
    const there = actual.some((candidate) => {
      const inner: Difference[] = [];
      walk(item, candidate, place, options, inner);
      return inner.length === 0;
    });
    if (there) continue;
    const difference = { path: place, expected: item, actual: "no such element" };
    if (options.declared(difference) === undefined) found.push(difference);
  }
}

function matches(expected: string, actual: unknown, { bindings, subset }: CompareOptions): boolean {
  if (expected === actual) return true;
  if (expected === placeholder("any")) return actual !== undefined;
  if (expected === placeholder("nodePort")) return typeof actual === "number";
  if (typeof actual !== "string") return false;
  if (subset && !expected.includes("${")) {
    const lines = actual.split("\n");
    return expected.split("\n").every((line) => lines.includes(line));
  }
  return matchText(expected, actual, (name, value) => bindings.bind(name, value));
}

/** Whether a recorded text with placeholders fits an answered one; `bind` says what a numbered one may stand for. */
export function matchText(expected: string, actual: string, bind: (name: string, value: string) => boolean): boolean {
  const names: string[] = [];
  const source = expected
    .split(/(\$\{[^}]+\})/)
    .map((part) => {
      const found = /^\$\{(([a-zA-Z]+)(#\d+)?)\}$/.exec(part);
      const pattern = found ? patterns[found[2] ?? ""] : undefined;
      if (!found || pattern === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      if (!found[3]) return `(?:${pattern})`;
      names.push(found[1] ?? "");
      return `(${pattern})`;
    })
    .join("");
  const match = new RegExp(`^${source}$`).exec(actual);
  return match !== null && names.every((name, index) => bind(name, match[index + 1] ?? ""));
}
