import { compileJsonPath, relaxedJsonPath } from "../../../expr/jsonpath/jsonpath.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { CommandError } from "../messages.ts";
import type { AnyObject } from "./resource-info.ts";

/** What `kubectl wait` waits for. */
export type Condition =
  | { readonly form: "create" | "delete" }
  | { readonly form: "object"; readonly met: (object: AnyObject) => boolean };

/** Reads `--for`. Throws CommandError. */
export function readCondition(text: string): Condition {
  const lower = text.toLowerCase();
  if (lower === "delete") return { form: "delete" };
  if (lower === "create") return { form: "create" };
  if (text.startsWith("condition=")) {
    const [name = "", value = "true"] = text.slice("condition=".length).split("=");
    return { form: "object", met: (object) => hasCondition(object, name, value) };
  }
  if (text.startsWith("jsonpath=")) return jsonPathCondition(text.slice("jsonpath=".length));
  throw new CommandError(`unrecognized condition: ${JSON.stringify(text)}`);
}

interface StatusCondition {
  readonly type?: string;
  readonly status?: string;
  readonly observedGeneration?: number;
}

function hasCondition(object: AnyObject, name: string, value: string): boolean {
  const { conditions = [], observedGeneration } = (object.status ?? {}) as {
    readonly conditions?: readonly StatusCondition[];
    readonly observedGeneration?: number;
  };
  const generation = Number(object.metadata.generation ?? 0);
  const found = conditions.find(({ type }) => type?.toLowerCase() === name.toLowerCase());
  if (!found) return false;
  // What was said of an older form of the object does not count.
  const seen = found.observedGeneration ?? observedGeneration;
  if (seen !== undefined && seen < generation) return false;
  return found.status?.toLowerCase() === value.toLowerCase();
}

function jsonPathCondition(text: string): Condition {
  const at = splitAt(text);
  const [path, value] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  if (value === "")
    throw new CommandError(
      "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
    );
  let compiled: ReturnType<typeof compileJsonPath>;
  try {
    compiled = compileJsonPath(relaxedJsonPath(path.replace(/^'|'$/g, "")));
  } catch (error) {
    throw new CommandError(errorMessage(error));
  }
  return {
    form: "object",
    met(object) {
      const found = compiled.find(object, { allowMissingKeys: true }).flat();
      if (found.length === 0) return false;
      if (value === undefined) return true;
      if (found.length > 1) throw new CommandError("given jsonpath expression matches more than one value");
      if (typeof found[0] === "object" && found[0] !== null) {
        throw new CommandError("jsonpath leads to a nested object or list which is not supported");
      }
      return String(found[0]).trim() === value.trim();
    },
  };
}

/** The `=` behind the path; those within it, as in filters, do not count. */
function splitAt(text: string): number {
  const close = text.lastIndexOf("}");
  return text.indexOf("=", Math.max(close, 0));
}
