import { deduced, type Shape } from "./shape.ts";

type Members = Readonly<Record<string, unknown>>;

/**
 * A text that says everything about a new object that decides who owns what, and nothing else: two objects with one outline
 * have the same places. `zero` is what a new object is compared with: values count only where it has some too.
 */
export function outlineOf(shape: Shape, object: unknown, zero: unknown): string {
  return outline(shape, object, zero);
}

function outline(given: Shape, value: unknown, zero: unknown): string {
  if (value === undefined) return "";
  const shape = deduced(given, value);
  if (shape.kind === "leaf") return zero === undefined ? "l" : `=${JSON.stringify(value)}`;
  if (typeof value !== "object" || value === null) return zero === undefined ? "b" : `=${JSON.stringify(value)}`;
  if (shape.kind === "set" || shape.kind === "keyed") {
    if (!Array.isArray(value)) return "b";
    let text = "[";
    for (const item of value) {
      if (shape.kind === "set") {
        text += `${JSON.stringify(item)},`;
        continue;
      }
      const members = (typeof item === "object" && item !== null ? item : {}) as Members;
      for (const key of shape.keys) text += `${keyText(members[key] ?? shape.defaults[key])}:`;
      text += `${outline(shape.item, item, undefined)},`;
    }
    return `${text}]`;
  }
  if (Array.isArray(value)) return "b";
  const below = (typeof zero === "object" && zero !== null ? zero : {}) as Members;
  const named = shape.kind === "struct" && !shape.open;
  let text = "{";
  for (const name in value) {
    const member = shape.kind === "struct" ? shape.field(name) : shape.value;
    if (!member) continue;
    const part = outline(member, (value as Members)[name], below[name]);
    // Names are data where the type does not name them: their length tells where they end.
    if (part !== "") text += named ? `${name} ${part}` : `${name.length} ${name} ${part}`;
  }
  return `${text}}`;
}

function keyText(value: unknown): string {
  return typeof value === "string" ? `${value.length} ${value}` : typeof value === "number" ? `${value}` : other(value);
}

const other = (value: unknown) => (value === undefined ? "" : `?${JSON.stringify(value)}`);
