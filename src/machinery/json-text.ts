import { Fault } from "../lib/fault.ts";

/** How deep values may be nested. Kubernetes allows ten times as much, but nothing real comes near either. */
export const depthLimit = 1000;

/** Reads JSON. Throws `invalid` with the text that Go's reader gives; nothing deeper than the limit comes through. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Fault("invalid", syntaxFault(text));
  }
  // Each level takes two characters at least.
  if (text.length > 2 * depthLimit && depthOf(text) > depthLimit) throw new Fault("invalid", "exceeded max depth");
  return value;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = text.indexOf('"', at + 1);
      while (at > 0 && escaped(text, at)) at = text.indexOf('"', at + 1);
      if (at < 0) return deepest;
    } else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

function escaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}

const quoted = (character: string) => {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  const text = JSON.stringify(character).slice(1, -1);
  return `'${text}'`;
};

/** What Go's JSON reader says of a text that is no JSON. */
function syntaxFault(text: string): string {
  let at = 0;
  const end = "unexpected end of JSON input";
  const stop = (context: string): string =>
    at >= text.length ? end : `invalid character ${quoted(String.fromCodePoint(text.codePointAt(at) ?? 0))} ${context}`;
  const space = () => {
    while (at < text.length && /[ \t\r\n]/.test(text[at] ?? "")) at++;
  };

  const string = (): string | undefined => {
    at++;
    for (; at < text.length; at++) {
      const character = text[at] ?? "";
      if (character === '"') {
        at++;
        return undefined;
      }
      if (character < " ") return stop("in string literal");
      if (character !== "\\") continue;
      at++;
      if (text[at] === "u") {
        for (let digit = 0; digit < 4; digit++) {
          at++;
          if (!/[0-9a-fA-F]/.test(text[at] ?? "")) return stop("in \\u hexadecimal character escape");
        }
      } else if (!/["\\/bfnrt]/.test(text[at] ?? "")) return stop("in string escape code");
    }
    return end;
  };

  const number = (): string | undefined => {
    if (text[at] === "-") {
      at++;
      if (!/\d/.test(text[at] ?? "")) return stop("in numeric literal");
    }
    if (text[at] === "0") at++;
    else while (/\d/.test(text[at] ?? "")) at++;
    if (text[at] === ".") {
      at++;
      if (!/\d/.test(text[at] ?? "")) return stop("after decimal point in numeric literal");
      while (/\d/.test(text[at] ?? "")) at++;
    }
    if (/[eE]/.test(text[at] ?? "")) {
      at++;
      if (/[+-]/.test(text[at] ?? "")) at++;
      if (!/\d/.test(text[at] ?? "")) return stop("in exponent of numeric literal");
      while (/\d/.test(text[at] ?? "")) at++;
    }
    return undefined;
  };

  const word = (name: string): string | undefined => {
    for (let index = 1; index < name.length; index++) {
      at++;
      if (text[at] !== name[index]) return stop(`in literal ${name} (expecting ${quoted(name[index] ?? "")})`);
    }
    at++;
    return undefined;
  };

  /** One value that holds no others, or undefined after having read it. */
  const scalar = (): string | undefined => {
    const character = text[at] ?? "";
    if (character === '"') return string();
    if (/[-\d]/.test(character)) return number();
    if (character === "t") return word("true");
    if (character === "f") return word("false");
    if (character === "n") return word("null");
    return stop("looking for beginning of value");
  };

  // Containers on a list of our own: a text that nests too deep must not exhaust the stack.
  const open: ("{" | "[")[] = [];
  for (;;) {
    space();
    const character = text[at];
    if (character === "{" || character === "[") {
      open.push(character);
      at++;
      space();
      if (text[at] === (character === "{" ? "}" : "]")) {
        at++;
        open.pop();
      } else if (character === "{") {
        const fault = key();
        if (fault) return fault;
        continue;
      } else continue;
    } else {
      const fault = scalar();
      if (fault) return fault;
    }
    // A value is done: what may follow depends on what holds it.
    for (;;) {
      space();
      const holder = open.at(-1);
      if (!holder) return at < text.length ? stop("after top-level value") : end;
      if (text[at] === ",") {
        at++;
        if (holder === "[") break;
        space();
        const fault = key();
        if (fault) return fault;
        break;
      }
      if (text[at] !== (holder === "{" ? "}" : "]")) {
        return stop(holder === "{" ? "after object key:value pair" : "after array element");
      }
      at++;
      open.pop();
    }
  }

  function key(): string | undefined {
    if (text[at] !== '"') return stop("looking for beginning of object key string");
    const fault = string();
    if (fault) return fault;
    space();
    if (text[at] !== ":") return stop("after object key");
    at++;
    return undefined;
  }
}

/**
 * The fields that a JSON text gives more than once, as `spec.containers[0].name`, each once; at most `limit` of them.
 * `value` is what the text was read as: comparing colons with members tells most texts clean without walking them.
 */
export function duplicateFields(text: string, value: unknown, limit = 100): readonly string[] {
  let colons = 0;
  for (let at = text.indexOf(":"); at >= 0; at = text.indexOf(":", at + 1)) colons++;
  if (colons === membersAndColons(value)) return [];
  return scanDuplicates(text, limit);
}

function colonsIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf(":"); at >= 0; at = text.indexOf(":", at + 1)) count++;
  return count;
}

function membersAndColons(value: unknown): number {
  if (typeof value === "string") return colonsIn(value);
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += membersAndColons(item);
  else {
    for (const key in value) {
      count += 1 + colonsIn(key) + membersAndColons((value as Readonly<Record<string, unknown>>)[key]);
    }
  }
  return count;
}

interface Level {
  readonly path: string;
  /** Names seen so far; undefined in a list. */
  readonly names: Set<string> | undefined;
  index: number;
  key: string;
}

function scanDuplicates(text: string, limit: number): readonly string[] {
  const found = new Set<string>();
  const levels: Level[] = [];
  let expectKey = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    const level = levels.at(-1);
    if (character === '"') {
      const start = at;
      at = text.indexOf('"', at + 1);
      while (escaped(text, at)) at = text.indexOf('"', at + 1);
      if (!expectKey || !level?.names) continue;
      expectKey = false;
      level.key = JSON.parse(text.slice(start, at + 1)) as string;
      if (level.names.has(level.key)) {
        found.add(stepInto(level));
        if (found.size >= limit) break;
      }
      level.names.add(level.key);
    } else if (character === "{" || character === "[") {
      const isObject = character === "{";
      levels.push({ path: level ? stepInto(level) : "", names: isObject ? new Set() : undefined, index: 0, key: "" });
      expectKey = isObject;
    } else if (character === "}" || character === "]") {
      levels.pop();
      expectKey = false;
    } else if (character === "," && level) {
      level.index++;
      expectKey = level.names !== undefined;
    }
  }
  return [...found];
}

function stepInto(level: Level): string {
  if (!level.names) return `${level.path}[${level.index}]`;
  return level.path === "" ? level.key : `${level.path}.${level.key}`;
}
