/**
 * Writes a plain value as YAML, the way `kubectl -o yaml` does: members sorted, lists not indented, text quoted only where
 * another reader could take it for something else, several lines as they are.
 */
export function encodeYaml(value: unknown): string {
  const lines: string[] = [];
  if (isScalar(value)) return `${scalarText(value, { indent: 0, column: 0 })}\n`;
  writeBlock(value, 0, "", lines);
  return `${lines.join("\n")}\n`;
}

const isScalar = (value: unknown) =>
  typeof value !== "object" ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : Object.values(value).every((member) => member === undefined));

/** `lead` stands on the first line in the place of its indentation: the dash of a list's element. */
function writeBlock(value: unknown, indent: number, lead: string, lines: string[]): void {
  const space = " ".repeat(indent);
  let start = lead === "" ? space : lead;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (isScalar(item)) lines.push(`${start}- ${scalarText(item, { indent, column: start.length + 2 })}`);
      else writeBlock(item, indent + 2, `${start}- `, lines);
      start = space;
    }
    return;
  }
  const members = Object.entries(value as Readonly<Record<string, unknown>>).filter(
    ([, member]) => member !== undefined,
  );
  members.sort(([a], [b]) => compareKeys(a, b));
  for (const [key, member] of members) {
    const name = key.includes("\n") ? doubleQuoted(key) : scalarText(key, { indent });
    if (isScalar(member)) {
      const column = start.length + [...name].length + 2;
      lines.push(`${start}${name}: ${scalarText(member, { indent, column })}`);
    } else {
      lines.push(`${start}${name}:`);
      writeBlock(member, Array.isArray(member) ? indent : indent + 2, "", lines);
    }
    start = space;
  }
}

/** Go's YAML sorts digits by their value (`a2` before `a10`) and letters after all else. */
function compareKeys(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  let digits = false;
  for (let at = 0; at < left.length && at < right.length; at++) {
    const [x = "", y = ""] = [left[at], right[at]];
    if (x === y) {
      digits = isDigit(x);
      continue;
    }
    const [xLetter, yLetter] = [isLetter(x), isLetter(y)];
    if (xLetter && yLetter) return x < y ? -1 : 1;
    if (xLetter || yLetter) return digits ? (xLetter ? -1 : 1) : xLetter ? 1 : -1;
    const [xNumber, yNumber] = [numberAt(left, at), numberAt(right, at)];
    if (xNumber !== yNumber) return xNumber - yNumber;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

const isDigit = (character: string) => /\p{Nd}/u.test(character);
const isLetter = (character: string) => /\p{L}/u.test(character);

function numberAt(characters: readonly string[], at: number): number {
  const text = /^\d*/.exec(characters.slice(at).join(""))?.[0] ?? "";
  return text === "" ? 0 : Number(text);
}

/** Where a scalar stands: how far what holds it is indented, and where it begins; a key, which is never broken, has no place. */
interface Place {
  readonly indent: number;
  readonly column?: number;
}

function scalarText(value: unknown, at: Place): string {
  if (typeof value === "string") return stringText(value, at);
  if (Array.isArray(value)) return "[]";
  if (typeof value === "object" && value !== null) return "{}";
  return value === undefined ? "null" : String(value);
}

const otherMeaning =
  /^(?:|~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|<<|=|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const numberForm =
  /^(?:[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*|[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)$/;
const timeForm = /^\d{4}-\d\d?-\d\d?(?:$|[Tt]|[ \t]+\d)/;

function stringText(text: string, at: Place): string {
  if (otherMeaning.test(text) || numberForm.test(text) || timeForm.test(text)) return doubleQuoted(text, at);
  if (/[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u.test(text))
    return doubleQuoted(text, at);
  if (text.includes("\n")) return / \n| $/.test(text) ? doubleQuoted(text, at) : literal(text, at.indent);
  if (isPlain(text)) return broken([...text], at);
  const quoted = [...text].map((character) => (character === "'" ? "''" : character));
  return broken(["'", ...quoted, "'"], at);
}

/** A line that is longer is broken at the next single blank. */
const width = 80;

/** Breaks a text whose characters are given as they are written. `escaped`: a blank behind the break is marked. */
function broken(characters: readonly string[], { indent, column }: Place, escaped = false): string {
  if (column === undefined || column + characters.length <= width) return characters.join("");
  const quotes = characters[0] === "'" || characters[0] === '"' ? 1 : 0;
  let written = "";
  let at = column;
  let blank = false;
  for (const [place, character] of characters.entries()) {
    const inside = place > quotes && place < characters.length - 1 - quotes;
    const single = escaped || characters[place + 1] !== " ";
    if (character === " " && !blank && at > width && single && (inside || quotes === 0)) {
      const mark = escaped && characters[place + 1] === " " ? "\\" : "";
      written += `\n${" ".repeat(indent + 2)}${mark}`;
      at = indent + 2 + mark.length;
    } else {
      written += character;
      at += character.length;
    }
    blank = character === " ";
  }
  return written;
}

function isPlain(text: string): boolean {
  if (/^[\s#,[\]{}&*!|>'"%@`]/.test(text) || /\s$/.test(text)) return false;
  if (/^[-?:](?:\s|$)/.test(text) || /^(?:---|\.\.\.)/.test(text)) return false;
  return !/:(?:\s|$)/.test(text) && !/\s#/.test(text);
}

function literal(text: string, indent: number): string {
  const hint = /^[ \n]/.test(text) ? "2" : "";
  const chomp = !text.endsWith("\n") ? "-" : /(?:\n|^)\n$/.test(text) ? "+" : "";
  const space = " ".repeat(indent + 2);
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  return `|${hint}${chomp}\n${body
    .split("\n")
    .map((line) => (line === "" ? "" : space + line))
    .join("\n")}`;
}

const escapes: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\x1b": "\\e",
  '"': '\\"',
  "\\": "\\\\",
  "\x85": "\\N",
  "\u2028": "\\L",
  "\u2029": "\\P",
  "\ufeff": "\\uFEFF",
};

function doubleQuoted(text: string, at: Place = { indent: 0 }): string {
  const body = [...text].map((character) => {
    if (!/[\x00-\x1f"\\\x7f-\x9f\u2028\u2029\ufeff]/.test(character)) return character;
    const known = escapes[character];
    return known ?? `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
  return broken(['"', ...body, '"'], at, true);
}
