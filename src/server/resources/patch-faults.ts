import { goPrint } from "../../lib/go-text.ts";
import { field } from "../../machinery/fields.ts";
import { duplicateFields } from "../../machinery/json-text.ts";
import { invalid, type StatusError } from "../../machinery/status-error.ts";
import type { ScalarName, TypeInfo } from "../../machinery/type-info.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { PatchType } from "./patch.ts";

/** What Kubernetes answers when a patch makes something that cannot be read: it names what was made, or the strategic patch. */
export function unreadable(how: PatchType, sent: unknown, made: unknown, why: string): StatusError {
  const shown = how === "strategic" ? goPrint(sent) : JSON.stringify(made);
  return invalid({ group: "", kind: "" }, "", [field.invalid("patch", shown, why)]);
}

const operationMembers = new Set(["op", "path", "from", "value"]);

/** What a patch's own text says twice, or says in a JSON patch's operations beside what belongs there. */
export function oddFields(how: PatchType, text: string, body: unknown): readonly string[] {
  const twice = duplicateFields(text, body).map((name) => `duplicate field ${JSON.stringify(name)}`);
  if (how !== "json" || !Array.isArray(body)) return twice;
  const unknown = body.flatMap((operation, index) =>
    Object.keys(Object(operation))
      .filter((name) => !operationMembers.has(name))
      .map((name) => `unknown field "[${index}].${name}"`),
  );
  return [...unknown, ...twice].map((problem) => `json patch ${problem}`);
}

/** Why a patched object is none of the kind that it was before; undefined when it is, or does not say. */
export function otherKind(made: unknown, before: AnyObject): string | undefined {
  const { kind = "", apiVersion = before.apiVersion } = made as Partial<AnyObject>;
  if (kind === "" || kind === before.kind) return undefined;
  const [version = "", group = "core"] = apiVersion.split("/").reverse();
  return `converting (${version}.${kind}) to (${group.split(".")[0]}.${before.kind}): unknown conversion`;
}

/** Throws Invalid for a custom resource that a patch made another kind or version. */
export function checkCustomKind(made: unknown, before: AnyObject): void {
  const { kind = before.kind, apiVersion = before.apiVersion } = made as Partial<AnyObject>;
  const errors = [
    ...(kind === before.kind ? [] : [field.invalid("kind", kind, `must be ${before.kind}`)]),
    ...(apiVersion === before.apiVersion
      ? []
      : [field.invalid("apiVersion", apiVersion, `must be ${before.apiVersion}`)]),
  ];
  if (errors.length === 0) return;
  const slash = apiVersion.indexOf("/");
  throw invalid({ group: slash < 0 ? "" : apiVersion.slice(0, slash), kind }, before.metadata.name ?? "", errors);
}

/** Why Go cannot restore a value of a type from what a strategic patch made: the first thing that is wrong. */
export function restoreFault(type: TypeInfo, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  switch (type.kind) {
    case "either":
      return undefined;
    case "scalar":
      return scalarFault(type.scalar, value);
    case "list":
      if (!Array.isArray(value)) return `cannot restore slice from ${goKind(value)}`;
      return first(value, (item) => restoreFault(type.item, item));
    case "map":
      if (typeof value !== "object" || Array.isArray(value)) return `cannot restore map from ${goKind(value)}`;
      return first(Object.values(value), (member) => restoreFault(type.value, member));
    case "struct": {
      if (typeof value !== "object" || Array.isArray(value)) return `cannot restore struct from: ${goKind(value)}`;
      const members = value as Readonly<Record<string, unknown>>;
      return first(type.fields.values(), ({ name, type: of }) => restoreFault(of, members[name]));
    }
  }
}

function first<T>(values: Iterable<T>, faultOf: (value: T) => string | undefined): string | undefined {
  for (const value of values) {
    const fault = faultOf(value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const goKinds: Partial<Record<ScalarName, { readonly is: string; readonly kind: string }>> = {
  string: { is: "string", kind: "string" },
  bool: { is: "boolean", kind: "bool" },
  int32: { is: "number", kind: "int32" },
  int64: { is: "number", kind: "int64" },
  double: { is: "number", kind: "float64" },
};

function scalarFault(scalar: ScalarName, value: unknown): string | undefined {
  const known = goKinds[scalar];
  return known && typeof value !== known.is ? `unrecognized type: ${known.kind}` : undefined;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "slice";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  if (typeof value === "boolean") return "bool";
  return typeof value === "string" ? "string" : "map";
}
