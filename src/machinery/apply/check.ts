import { goPrint, goSyntax } from "../../lib/go-text.ts";
import type { ObjectMeta } from "../generated/meta-v1.ts";
import { StatusError } from "../status-error.ts";
import type { FieldInfo, ListInfo, ScalarName, TypeInfo } from "../type-info.ts";
import { fieldStep, indexStep, placeText } from "./path-element.ts";
import { type KeyedShape, shapeOfField, stepTo } from "./shape.ts";

type Members = Readonly<Record<string, unknown>>;

/**
 * Throws what Kubernetes answers to a configuration that does not fit its type (500 without a reason): members that the type
 * does not have, values of another kind, keyed elements that are there twice or without their key.
 */
export function checkConfiguration(type: TypeInfo, config: Members): void {
  const faults = configurationFaults(type, config);
  if (faults === undefined) return;
  throw new StatusError("", `failed to create typed patch object (${configurationName(config)}): ${faults}`);
}

/** Why a configuration does not fit its type, in one text; undefined when it does. */
export function configurationFaults(type: TypeInfo, config: Members): string | undefined {
  const faults: string[] = [];
  walk(type, undefined, config, [], faults);
  if (faults.length <= 1) return faults[0];
  return `errors:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
}

/** `default/web; apps/v1, Kind=Deployment`, as errors about a configuration name it. */
export function configurationName(config: Members): string {
  const metadata = config.metadata as ObjectMeta | undefined;
  const version = String(config.apiVersion ?? "");
  const groupVersion = version.includes("/") ? version : `/${version}`;
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}; ${groupVersion}, Kind=${String(config.kind ?? "")}`;
}

/** `field` is where the value stands, which says how a list is told apart. */
function walk(
  type: TypeInfo,
  field: FieldInfo | undefined,
  value: unknown,
  place: readonly string[],
  faults: string[],
): void {
  if (value === null || value === undefined) return;
  const wrong = (why: string) => void faults.push(`${placeText(place)}: ${why}`);
  switch (type.kind) {
    case "either":
      return;
    case "scalar": {
      const why = scalarFault(type.scalar, value);
      if (why) wrong(why);
      return;
    }
    case "list":
      if (!Array.isArray(value)) wrong(`expected list, got &{${goPrint(value)}}`);
      else walkList(type, field, value, place, faults);
      return;
    case "map":
    case "struct":
      if (typeof value !== "object" || Array.isArray(value)) {
        wrong(`expected map, got &{${goPrint(value)}}`);
        return;
      }
      for (const [name, member] of Object.entries(value)) {
        const step = [...place, fieldStep(name)];
        const known = type.kind === "struct" ? type.fields.get(name) : undefined;
        if (type.kind === "map") walk(type.value, undefined, member, step, faults);
        else if (known) walk(known.type, known, member, step, faults);
        else if (!type.open && !type.disabled?.has(name)) {
          faults.push(`${placeText(step)}: field not declared in schema`);
        }
      }
  }
}

function walkList(
  { item }: ListInfo,
  field: FieldInfo | undefined,
  values: readonly unknown[],
  place: readonly string[],
  faults: string[],
): void {
  const shape = field ? shapeOfField(field) : undefined;
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    if (shape?.kind !== "set" && shape?.kind !== "keyed") {
      walk(item, undefined, value, [...place, indexStep(index)], faults);
      continue;
    }
    const step = stepTo(shape, value);
    if (shape.kind === "keyed") {
      const why = keyFault(shape, value);
      if (why) {
        // What comes behind it is not looked at either.
        faults.push(`${placeText(place)}: element ${index}: ${why}`);
        return;
      }
    }
    if (seen.has(step)) faults.push(`${placeText(place)}: duplicate entries for key ${placeText([step])}`);
    seen.add(step);
    walk(item, undefined, value, [...place, step], faults);
  }
}

/** Why an element cannot be told from others. */
function keyFault({ keys, defaults }: KeyedShape, value: unknown): string | undefined {
  if (value === null) return "associative list with keys may not have a null element";
  if (typeof value !== "object" || Array.isArray(value)) {
    return "associative list with keys may not have non-map elements";
  }
  const missing = keys.find((key) => !(key in defaults) && (value as Members)[key] === undefined);
  if (missing === undefined) return undefined;
  return `associative list with keys has an element that omits key field "${missing}" (and doesn't have default value)`;
}

function scalarFault(scalar: ScalarName, value: unknown): string | undefined {
  switch (scalar) {
    case "string":
    case "bytes":
    case "duration":
      return typeof value === "string" ? undefined : `expected string, got ${goValueSyntax(value)}`;
    case "bool":
      return typeof value === "boolean" ? undefined : `expected boolean, got ${goValueSyntax(value)}`;
    case "int32":
    case "int64":
    case "double":
      return typeof value === "number" || typeof value === "bigint"
        ? undefined
        : `expected numeric (int or float), got ${goTypeName(value)}`;
    default:
      return undefined;
  }
}

const goValueSyntax = (value: unknown) => `&value.valueUnstructured{Value:${goSyntax(value)}}`;

/** What Go calls a decoded value that is no number. */
function goTypeName(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "object") return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : "string";
}
