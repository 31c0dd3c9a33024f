/** JSON as Go writes it: members sorted by name, `<`, `>` and `&` escaped. */
export function goJson(value: unknown, indent = ""): string {
  return htmlSafe(text(value, indent, ""));
}

/** JSON with the characters escaped that mean something in HTML, as Go does. */
export function htmlSafe(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

// Written out by hand: JSON.stringify puts names that look like numbers first, in the order of numbers.
function text(value: unknown, indent: string, at: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const isList = Array.isArray(value);
  const inner = at + indent;
  const parts = isList
    ? value.map((item) => text(item, indent, inner))
    : Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, member]) => `${JSON.stringify(name)}:${indent === "" ? "" : " "}${text(member, indent, inner)}`);
  const [open, close] = isList ? "[]" : "{}";
  if (parts.length === 0) return `${open}${close}`;
  const [before, between, after] = indent === "" ? ["", ",", ""] : [`\n${inner}`, `,\n${inner}`, `\n${at}`];
  return `${open}${before}${parts.join(between)}${after}${close}`;
}
