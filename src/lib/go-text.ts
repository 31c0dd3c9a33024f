/** What Go writes for characters that have a short escape. */
export const goEscapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A string in double quotes, as Go's `%q` writes it. */
export function goQuote(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  let quoted = '"';
  for (const character of text) {
    const short = goEscapes[character];
    const code = character.codePointAt(0) ?? 0;
    if (short) quoted += short;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (code < 0x7f || (character !== "\ufffd" && /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character))) {
      quoted += character;
    } else if (code === 0xfffd) quoted += character;
    else if (code > 0xffff) quoted += `\\U${code.toString(16).padStart(8, "0")}`;
    else quoted += `\\u${code.toString(16).padStart(4, "0")}`;
  }
  return `${quoted}"`;
}

/** What a letter behind a backslash stands for in Go's literals. */
export const goUnescapes: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(goEscapes).map(([character, written]) => [written.slice(1), character])),
  "'": "'",
};

/** A value as Go's `%v` prints it. */
export function goPrint(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goPrint).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const members = Object.entries(value).sort(byName);
  return `map[${members.map(([name, member]) => `${name}:${goPrint(member)}`).join(" ")}]`;
}

/** A value as Go's `%#v` prints it. */
export function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return "interface {}(nil)";
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (typeof value === "string") return goQuote(value);
  if (typeof value !== "object") return String(value);
  const members = Object.entries(value).sort(byName);
  return `map[string]interface {}{${members.map(([name, member]) => `${goQuote(name)}:${goSyntax(member)}`).join(", ")}}`;
}

const byName = ([one]: readonly [string, unknown], [two]: readonly [string, unknown]) => (one < two ? -1 : 1);
