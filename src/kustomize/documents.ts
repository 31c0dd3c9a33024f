import { Fault } from "../lib/fault.ts";
import { parsePlainYamlDocuments } from "../machinery/codec-yaml.ts";
import { isMembers, type Members, textOf } from "./identity.ts";
import { metadataOf } from "./resource.ts";

/** The objects of a manifest's text, lists opened up. Throws `invalid`; `corrupt` when the text is no YAML. */
export function objectsOf(text: string): readonly Members[] {
  let documents: readonly unknown[];
  try {
    documents = parsePlainYamlDocuments(text);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault("corrupt", yamlProblem(error.message, text));
  }
  return documents.flatMap(opened).map(checked);
}

function opened(document: unknown): readonly unknown[] {
  if (!isMembers(document) || !textOf(document.kind).endsWith("List") || !Array.isArray(document.items)) {
    return [document];
  }
  return document.items.flatMap(opened);
}

function checked(document: unknown): Members {
  if (!isMembers(document) || !isMembers(document.metadata)) {
    if (isMembers(document) && (document.kind || document.apiVersion)) throw nameless(document);
    throw new Fault("invalid", "missing Resource metadata");
  }
  if (!document.kind) throw new Fault("invalid", `missing kind in object ${headText(document)}`);
  if (textOf(document.kind).endsWith("List")) return document;
  if (!metadataOf(document).name) throw nameless(document);
  return document;
}

const nameless = (document: Members) => new Fault("invalid", `missing metadata.name in object ${headText(document)}`);

/** The head of an object as Go prints it. */
function headText(document: Members): string {
  const { name, namespace, labels, annotations } = metadataOf(document);
  const map = (value: unknown) =>
    `map[${Object.entries(isMembers(value) ? value : {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${key}:${String(member)}`)
      .join(" ")}]`;
  return `{{${textOf(document.apiVersion)} ${textOf(document.kind)}} {{${textOf(name)} ${textOf(namespace)}} ${map(labels)} ${map(annotations)}}}`;
}

/** What is wrong with a text, in the words that users of Go's reader know. */
export function yamlProblem(message: string, text: string): string {
  const unclosed =
    /^yaml: line (\d+): (?:deficient indentation|unexpected end of the stream within a flow collection|missed comma between flow collection entries)/.exec(
      message,
    );
  if (unclosed) {
    const line = Math.max(1, Math.min(Number(unclosed[1]), text.split("\n").length) - 1);
    const before = text.split("\n").slice(0, line).join("\n");
    const end = before.lastIndexOf("[") > before.lastIndexOf("{") ? "]" : "}";
    return `yaml: line ${line}: did not find expected ',' or '${end}'`;
  }
  return message
    .replace("bad indentation of a mapping entry", "mapping values are not allowed in this context")
    .replace("yaml: line 1: mapping", "yaml: mapping");
}
