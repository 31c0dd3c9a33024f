import { goQuote } from "../../../lib/go-text.ts";

/** One document of KYAML, the strict form of YAML that reads like JSON: `---`, braces, brackets, quoted strings. */
export function kyamlText(value: unknown): string {
  return `---\n${valueText(value, "")}\n`;
}

function valueText(value: unknown, indent: string): string {
  if (typeof value === "string") return stringText(value, indent);
  if (typeof value !== "object" || value === null) return String(value ?? null);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    // Elements that are containers share the brackets of their list.
    const compound = value.every((item) => typeof item === "object" && item !== null && Object.keys(item).length > 0);
    if (compound) return `[${value.map((item) => valueText(item, indent)).join(", ")}]`;
    return `[\n${value.map((item) => `${deeper}${valueText(item, deeper)},\n`).join("")}${indent}]`;
  }
  const members = Object.keys(value)
    .filter((name) => (value as Readonly<Record<string, unknown>>)[name] !== undefined)
    .sort();
  if (members.length === 0) return "{}";
  const lines = members.map(
    (name) => `${deeper}${keyText(name)}: ${valueText((value as Readonly<Record<string, unknown>>)[name], deeper)},\n`,
  );
  return `{\n${lines.join("")}${indent}}`;
}

const plainKey = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
const otherMeaning = /^(?:null|true|false|yes|no|on|off|y|n|~)$/i;

function keyText(name: string): string {
  return plainKey.test(name) && !otherMeaning.test(name) ? name : goQuote(name);
}

/** A text of several lines is folded at its line ends, each line where it can be read. */
function stringText(text: string, indent: string): string {
  const inner = text.replace(/\n$/, "");
  if (!inner.includes("\n")) return goQuote(text);
  const quoted = text.split("\n").map((line) => goQuote(line).slice(1, -1));
  const ending = quoted.at(-1) === "";
  const lines = ending ? quoted.slice(0, -1) : quoted;
  return `"\\\n${lines.map((line, at) => `${indent}  ${/^\s/.test(line) ? `\\${line}` : line}${at < lines.length - 1 || ending ? "\\n" : ""}\\\n`).join("")}${indent} "`;
}
