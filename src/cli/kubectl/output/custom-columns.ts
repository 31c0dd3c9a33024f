import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { compileJsonPath, relaxedJsonPath } from "../../../expr/jsonpath/jsonpath.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { fileProblem } from "../config/kubeconfig.ts";
import { CommandError } from "../messages.ts";
import type { AnyObject } from "../resources/resource-info.ts";
import type { Session } from "../session.ts";
import { type ObjectPrinter, outputForm, type PrintFlagValues } from "./printer.ts";
import { tabAligner, tableTabs } from "./tab-align.ts";

/** `-o custom-columns=NAME:.metadata.name,...` and `custom-columns-file`. Throws CommandError. */
export async function customColumnsPrinter(session: Session, flags: PrintFlagValues): Promise<ObjectPrinter> {
  const { form, argument } = outputForm(flags);
  if (argument === "") throw new CommandError("custom-columns format specified but no custom columns given");
  const columns = form === "custom-columns" ? columnsOf(argument) : columnsOfFile(session, argument);
  const paths = columns.map(({ path }) => {
    try {
      return compileJsonPath(relaxedJsonPath(path));
    } catch (error) {
      throw new CommandError(errorMessage(error));
    }
  });
  let headed = flags["no-headers"] === true;
  const aligner = tabAligner(tableTabs);
  return {
    print(object) {
      const { items } = object as AnyObject & { readonly items?: readonly AnyObject[] };
      const objects = Array.isArray(items) ? items : [object];
      const rows = objects.map((one) => paths.map((path) => cell(path.find(one, { allowMissingKeys: true }))));
      const lines = headed ? rows : [columns.map(({ name }) => name), ...rows];
      headed = true;
      session.host.stdout.write(aligner.align(lines.map((line) => `${line.join("\t")}\n`).join("")));
    },
  };
}

function cell(found: readonly (readonly unknown[])[]): string {
  const values = found[0] ?? [];
  if (values.length === 0) return "<none>";
  return values.map(valueText).join(",");
}

/** As Go's `%v`. */
function valueText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(valueText).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  return `map[${Object.keys(value)
    .sort()
    .map((name) => `${name}:${valueText((value as Readonly<Record<string, unknown>>)[name])}`)
    .join(" ")}]`;
}

interface Column {
  readonly name: string;
  readonly path: string;
}

function columnsOf(spec: string): readonly Column[] {
  return spec.split(",").map((part) => {
    const at = part.indexOf(":");
    if (at < 0) {
      throw new CommandError(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    }
    return { name: part.slice(0, at), path: part.slice(at + 1) };
  });
}

function columnsOfFile(session: Session, file: string): readonly Column[] {
  let text: string;
  try {
    text = readFileSync(resolve(session.host.cwd, file), "utf8");
  } catch (error) {
    throw new CommandError(`error reading template ${file}, ${fileProblem(error, file)}\n`);
  }
  const [names = "", paths = ""] = text.split("\n");
  const [heads, specs] = [names.trim().split(/\s+/), paths.trim().split(/\s+/)];
  if (heads.length !== specs.length || names === "") {
    throw new CommandError(
      `number of headers (${heads.length}) and field specifications (${specs.length}) don't match`,
    );
  }
  return heads.map((name, at) => ({ name, path: specs[at] ?? "" }));
}
