import { CommandError } from "../messages.ts";
import type { AnyObject } from "../resources/resource-info.ts";
import type { Session } from "../session.ts";
import { goJson } from "./json.ts";

/** What `-o` and the flags beside it say. */
export interface PrintFlagValues {
  readonly output: string;
  readonly template: string;
  readonly "allow-missing-template-keys": boolean;
  readonly "show-managed-fields"?: boolean;
  readonly "no-headers"?: boolean;
}

/** Writes objects to stdout in one form; several calls give one stream of documents. */
export interface ObjectPrinter {
  print(object: AnyObject): void;
}

/** Names of the forms that every printing command takes. */
export const commonForms = [
  "go-template",
  "go-template-file",
  "json",
  "jsonpath",
  "jsonpath-as-json",
  "jsonpath-file",
  "kyaml",
  "name",
  "template",
  "templatefile",
  "yaml",
];

/** The form and what stands behind its `=`: `-o jsonpath={.a}`. A template alone means a Go template. */
export function outputForm(flags: PrintFlagValues): { readonly form: string; readonly argument: string } {
  const { output, template } = flags;
  const at = output.indexOf("=");
  const form = at < 0 ? output : output.slice(0, at);
  const argument = at < 0 ? "" : output.slice(at + 1);
  if (form === "" && template !== "") return { form: "go-template", argument: template };
  return { form, argument: argument || template };
}

/** The fault of a form that a command has not. */
export function noSuchForm(output: string, forms: readonly string[]): CommandError {
  return new CommandError(
    `unable to match a printer suitable for the output format "${output}", allowed formats are: ${forms.toSorted().join(",")}`,
  );
}

/** What the object is called in `-o name`: `deployment.apps/web`. */
export function objectName(object: AnyObject): string {
  const group = object.apiVersion?.includes("/") ? object.apiVersion.split("/")[0] : "";
  const kind = (object.kind ?? "").toLowerCase();
  return `${group ? `${kind}.${group}` : kind}/${object.metadata?.name ?? ""}`;
}

/** A printer for the forms that all commands share. Throws CommandError for others, naming `forms`. */
export async function objectPrinter(
  session: Session,
  flags: PrintFlagValues,
  forms: readonly string[] = commonForms,
): Promise<ObjectPrinter> {
  const { stdout } = session.host;
  const { form, argument } = outputForm(flags);
  const plain = (object: AnyObject) => (flags["show-managed-fields"] ? object : withoutManagedFields(object));
  if (!forms.includes(form)) throw noSuchForm(flags.output, forms);
  switch (form) {
    case "json":
      return { print: (object) => stdout.write(`${goJson(plain(object), "    ")}\n`) };
    case "yaml": {
      const { encodeYaml } = await import("../../../machinery/yaml-text.ts");
      let count = 0;
      return { print: (object) => stdout.write(`${count++ > 0 ? "---\n" : ""}${encodeYaml(plain(object))}`) };
    }
    case "kyaml": {
      const { kyamlText } = await import("./kyaml.ts");
      return { print: (object) => stdout.write(kyamlText(plain(object))) };
    }
    case "name":
      return { print: (object) => printNames(object, (line) => session.say(line)) };
    default:
      return await (await import("./template-printers.ts")).templatePrinter(session, form, argument, flags);
  }
}

function printNames(object: AnyObject, say: (line: string) => void): void {
  const { items } = object as { readonly items?: readonly AnyObject[] };
  if (Array.isArray(items) && object.kind.endsWith("List")) for (const item of items) printNames(item, say);
  else say(objectName(object));
}

/** The object, and the items of a list, without who owns which field. */
export function withoutManagedFields(object: AnyObject): AnyObject {
  const { items } = object as { readonly items?: readonly AnyObject[] };
  const { metadata } = object;
  let result = object;
  if (metadata && "managedFields" in metadata) {
    const { managedFields: _, ...rest } = metadata;
    result = { ...result, metadata: rest };
  }
  return Array.isArray(items)
    ? { ...result, items: items.map((item) => withoutManagedFields(item as AnyObject)) }
    : result;
}
