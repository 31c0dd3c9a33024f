import { errorMessage, Fault } from "../lib/fault.ts";
import { type GroupVersionKind, isMembers, isSelected, type Members } from "./identity.ts";

/** Where kinds keep something: a path whose lists are walked through without being named. */
export interface FieldSpec {
  readonly path: string;
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  /** What is not there yet is made. */
  readonly create?: boolean;
}

/** How a value at a path becomes another. */
export interface FieldChange {
  readonly set: (value: unknown) => unknown;
  /** What a missing last field starts as; without it none is made. */
  readonly empty?: unknown;
}

/** The steps of a path; a slash that belongs to a name has a backslash before it. */
export function stepsOf(path: string): readonly string[] {
  return path
    .replaceAll("\\/", "\0")
    .split("/")
    .filter((step, at) => step !== "" || at > 0)
    .map((step) => step.replaceAll("\0", "/"));
}

/** Changes what a spec means in an object of its kinds; others stay as they are. Throws `invalid`. */
export function changeField(object: Members, id: GroupVersionKind, spec: FieldSpec, change: FieldChange): Members {
  if (!isSelected(id, spec)) return object;
  try {
    return changeAt(object, stepsOf(spec.path), spec, change) as Members;
  } catch (error) {
    throw new Fault(
      "invalid",
      `considering field '${spec.path}' of object ${specText(object)}: ${errorMessage(error)}`,
    );
  }
}

const specText = (object: Members) => {
  const metadata = isMembers(object.metadata) ? object.metadata : {};
  const [group, version] = String(object.apiVersion).includes("/")
    ? String(object.apiVersion).split("/")
    : ["[noGrp]", String(object.apiVersion)];
  return `${object.kind}.${version}.${group}/${metadata.name}.${metadata.namespace ?? "[noNs]"}`;
};

function changeAt(value: unknown, steps: readonly string[], spec: FieldSpec, change: FieldChange): unknown {
  if (steps.length === 0) return change.set(value);
  if (value === null || value === undefined) return value;
  if (Array.isArray(value)) return shared(value, (item) => changeAt(item, steps, spec, change));
  if (!isMembers(value)) throw new Fault("invalid", "expected sequence or mapping node");
  const [step = "", ...rest] = steps;
  const isList = step.endsWith("[]");
  const name = isList ? step.slice(0, -2) : step;
  const makes = spec.create && change.empty !== undefined && !isList;
  const found = value[name] ?? (makes ? (rest.length === 0 ? change.empty : {}) : undefined);
  if (found === undefined) return value;
  const changed = changeAt(found, rest, spec, change);
  return changed === value[name] ? value : { ...value, [name]: changed };
}

/** A list with each item changed; the same list if none was. */
function shared(list: readonly unknown[], change: (item: unknown) => unknown): readonly unknown[] {
  const changed = list.map(change);
  return changed.some((item, at) => item !== list[at]) ? changed : list;
}
