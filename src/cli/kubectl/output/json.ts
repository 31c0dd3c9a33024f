/** JSON as Go writes it: members sorted by name, `<`, `>` and `&` escaped. */
export function goJson(value: unknown, indent = ""): string {
  const text = JSON.stringify(sorted(value), undefined, indent) ?? "null";
  return text.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const names = Object.keys(value).sort(byBytes);
  // Object keys that look like numbers come first whatever order they are put in; a member's name hardly ever does.
  return Object.fromEntries(names.map((name) => [name, sorted((value as Readonly<Record<string, unknown>>)[name])]));
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
