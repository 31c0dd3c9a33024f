import { isDeepStrictEqual } from "node:util";
import { CommandError } from "../../messages.ts";
import type { AnyObject } from "../../resources/resource-info.ts";

/** Why the editor is opened again: what is wrong, and the faults one by one. */
export interface Reason {
  readonly head: string;
  readonly faults: readonly string[];
}

const ofObjects = [
  "Please edit the object below. Lines beginning with a '#' will be ignored,",
  "and an empty file will abort the edit. If an error occurs while saving this file will be",
  "reopened with the relevant failures.",
];

/** The comment at the head of what is edited. */
export function headerText(reasons: readonly Reason[], head: readonly string[] = ofObjects): string {
  const lines = [
    ...head,
    "",
    ...reasons.flatMap(({ head, faults }) => [`${head}:`, ...faults.map((fault) => `* ${fault}`), ""]),
  ];
  return lines.map((line) => `${`# ${line.replaceAll("\n", "\n# ")}`.trimEnd()}\n`).join("");
}

/** A text without lines of comment. */
export function withoutComments(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .join("\n");
}

/** Whether two texts say the same. */
export async function saysTheSame(a: string, b: string): Promise<boolean> {
  if (withoutComments(a).trim() === withoutComments(b).trim()) return true;
  const { parseYamlDocuments } = await import("../../../../machinery/codec-yaml.ts");
  try {
    return isDeepStrictEqual(parseYamlDocuments(a), parseYamlDocuments(b));
  } catch {
    return false;
  }
}

/** The objects of an edited text, lists opened up. Throws CommandError for what is none. */
export async function objectsIn(text: string): Promise<readonly AnyObject[]> {
  const { parseYamlDocuments } = await import("../../../../machinery/codec-yaml.ts");
  const found: AnyObject[] = [];
  const add = (value: unknown) => {
    const object = value as AnyObject & { readonly items?: readonly unknown[] };
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    const missing = ["apiVersion", "kind"]
      .filter((name) => !isObject || !object[name])
      .map((name) => `${name} not set`);
    if (missing.length > 0) throw new CommandError(missing.length > 1 ? `[${missing.join(", ")}]` : missing[0]!);
    if (object.kind.endsWith("List") && Array.isArray(object.items)) object.items.forEach(add);
    else found.push({ ...object, metadata: object.metadata ?? {} });
  };
  const documents = parseYamlDocuments(text);
  for (const document of documents.length > 0 ? documents : [undefined]) add(document);
  return found;
}
