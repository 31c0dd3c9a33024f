/**
 * Turns the field tables of the API types into the project's own: one compact table in `src/api/facts/types.json` (one file,
 * as 70 take 25 ms to import), the closed sets of texts in `enumerations.json`, TypeScript types in `src/api/generated`, and meta/v1 in `src/machinery/generated`.
 * Run: `node scripts/generate-facts.ts FOLDER`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oldFields, oldPackages } from "./old-facts.ts";

interface SourceField {
  readonly name: string;
  readonly type: string;
  readonly inline?: boolean;
  readonly optional?: boolean;
  readonly omitEmpty?: boolean;
  readonly proto?: number;
  readonly protoType?: string;
  readonly listType?: string;
  readonly listMapKeys?: readonly string[];
  readonly mapType?: string;
  readonly structType?: string;
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly default?: string;
  readonly markers?: readonly string[];
}

interface SourceType {
  readonly kind: "struct" | "alias";
  readonly of?: string;
  readonly enum?: readonly string[];
  readonly fields?: readonly SourceField[];
  readonly structType?: string;
  readonly resource?: boolean;
  readonly clusterScoped?: boolean;
  readonly introduced?: string;
  readonly deprecated?: string;
  readonly removed?: string;
  readonly replacement?: unknown;
  readonly subresources?: readonly string[];
}

interface SourceFile {
  readonly group: string;
  readonly package: string;
  readonly types: Readonly<Record<string, SourceType>>;
}

const source = process.argv[2] ?? "../shared/api-facts";
const files = readdirSync(source)
  .filter((name) => name.endsWith(".json") && !name.startsWith("proto-"))
  .sort();
const packages = new Map<string, SourceFile>();
for (const name of files) {
  const file = JSON.parse(readFileSync(join(source, name), "utf8")) as SourceFile;
  packages.set(file.package, file);
}

/** A field as old-facts.ts writes it. */
function fieldOf(text: string): SourceField {
  const [field = "", type = "", proto = ""] = text.split(" ");
  const optional = field.endsWith("?");
  return {
    name: field.replace("?", ""),
    type,
    proto: Number(proto),
    ...(optional ? { optional, omitEmpty: true } : {}),
  };
}

for (const [name, fields] of Object.entries(oldFields)) {
  const [owner = "", type = ""] = name.split(/\.(?=[^.]*$)/);
  const known = packages.get(owner);
  const changed = known?.types[type];
  if (!known || !changed) throw new Error(`${name} is not in the field tables`);
  const all = { ...changed, fields: [...(changed.fields ?? []), ...fields.map(fieldOf)] };
  packages.set(owner, { ...known, types: { ...known.types, [type]: all } });
}

for (const { group, package: owner, types } of oldPackages) {
  const made: Record<string, SourceType> = { ...packages.get(owner)?.types };
  for (const [name, { fields, ...facts }] of Object.entries(types)) {
    if (made[name]) throw new Error(`${owner}.${name} is in the field tables already`);
    const own = fields.map(fieldOf);
    const head: SourceField = { name: "", type: "meta/v1.TypeMeta", inline: true };
    made[name] = { kind: "struct", fields: facts.resource ? [head, ...own] : own, ...facts };
  }
  packages.set(owner, { group, package: owner, types: made });
}

for (const folder of ["src/api/generated", "src/machinery/generated"]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

/** Older versions that conversions name in the code; of every group the newest version has TypeScript types. */
const olderWithTypes = new Set([
  "apiextensions/v1beta1",
  "autoscaling/v1",
  "autoscaling/v2beta1",
  "node/v1alpha1",
  "resource/v1beta1",
]);
const maturity = (version: string) => {
  const [, major = "0", stage = "z", minor = "0"] = /^v(\d+)(alpha|beta)?(\d+)?$/.exec(version) ?? [];
  return `${stage}${major.padStart(3, "0")}${minor.padStart(3, "0")}`;
};
const newest = new Map<string, string>();
for (const owner of packages.keys()) {
  const [group = "", version = ""] = owner.split("/");
  if (maturity(version) > maturity(newest.get(group) ?? "v0alpha0")) newest.set(group, version);
}
const hasTypes = (owner: string) => {
  const [group = "", version] = owner.split("/");
  return newest.get(group) === version || olderWithTypes.has(owner);
};

/** Values with a JSON form of their own, and what the field tables call them. */
const scalars: Readonly<Record<string, readonly [name: string, type: string]>> = {
  string: ["string", "string"],
  "types.UID": ["string", "string"],
  "types.NodeName": ["string", "string"],
  "apimachinery/types.UID": ["string", "string"],
  bool: ["bool", "boolean"],
  byte: ["byte", "number"],
  int: ["int64", "number"],
  int32: ["int32", "number"],
  int64: ["int64", "number"],
  float64: ["double", "number"],
  any: ["any", "unknown"],
  "resource.Quantity": ["quantity", "Quantity"],
  "intstr.IntOrString": ["intOrString", "IntOrString"],
  "runtime.RawExtension": ["raw", "RawExtension"],
  "meta/v1.Time": ["time", "Time"],
  "meta/v1.MicroTime": ["microTime", "MicroTime"],
  "meta/v1.Duration": ["duration", "Duration"],
  "meta/v1.FieldsV1": ["fieldsV1", "FieldsV1"],
};

/** Strings that have a named type elsewhere in the sources but no table. */
const unknownNames = new Set<string>();

interface Parsed {
  /** The type in the compact table's notation: `*T`, `[]T`, `{}T`, a scalar or `package.Name`. */
  readonly table: string;
  /** The type as TypeScript. */
  readonly text: string;
}

function parse(type: string, here: string, imports: Set<string>): Parsed {
  if (type.startsWith("*")) {
    const inner = parse(type.slice(1), here, imports);
    return { table: `*${inner.table}`, text: inner.text };
  }
  if (type === "[]byte") return { table: "bytes", text: "string" };
  if (type.startsWith("[]")) {
    const inner = parse(type.slice(2), here, imports);
    return {
      table: `[]${inner.table}`,
      text: `readonly ${inner.text.includes(" ") ? `(${inner.text})` : inner.text}[]`,
    };
  }
  if (type.startsWith("map[")) {
    const inner = parse(type.slice(type.indexOf("]") + 1), here, imports);
    return { table: `{}${inner.table}`, text: `Readonly<Record<string, ${inner.text}>>` };
  }
  const scalar = scalars[type];
  if (scalar) {
    if (/^[A-Z]/.test(scalar[1])) imports.add(`scalar:${scalar[1]}`);
    return { table: scalar[0], text: scalar[1] };
  }
  const dot = type.lastIndexOf(".");
  const owner = type.slice(0, dot);
  const name = type.slice(dot + 1);
  const found = packages.get(owner)?.types[name];
  if (!found) {
    unknownNames.add(type);
    return { table: "string", text: "string" };
  }
  if (owner !== here) imports.add(`${owner}:${name}`);
  const text = owner === here ? name : `${alias(owner)}.${name}`;
  if (found.kind === "alias") {
    if (found.of === "any" || found.of === undefined) return { table: "any", text: "unknown" };
    return { table: parse(found.of, owner, new Set()).table, text };
  }
  return { table: type, text };
}

const alias = (owner: string) => owner.replace(/[/_](.)/g, (_, letter: string) => letter.toUpperCase());
const moduleName = (owner: string) => owner.replace("/", "-");
const isMeta = (owner: string) => owner === "meta/v1";

/** Sets that grow with every release and every driver, so that nobody should count on the values of today. */
const openSets = /(Condition|ConditionStatus|Reason|Name|Status|Type|Phase|Hint|Medium)$/;
/** Closed all the same, and those that only say how something is. */
const closedSets = new Set([
  "AppArmorProfileType",
  "ConditionStatus",
  "DaemonSetUpdateStrategyType",
  "DeploymentStrategyType",
  "FailurePolicyType",
  "HostPathType",
  "MatchPolicyType",
  "NamespacePhase",
  "PathType",
  "PersistentVolumeClaimPhase",
  "PersistentVolumePhase",
  "PersistentVolumeClaimRetentionPolicyType",
  "PodManagementPolicyType",
  "PodPhase",
  "PolicyType",
  "ProcMountType",
  "ScopeType",
  "SeccompProfileType",
  "ServiceType",
  "StatefulSetUpdateStrategyType",
]);

/** The values of a field whose type is a closed set of texts. */
function enumeration(type: string): readonly string[] | undefined {
  const bare = type.replace(/^(\*|\[\]|map\[[^\]]*\])+/, "");
  const dot = bare.lastIndexOf(".");
  const name = bare.slice(dot + 1);
  const found = packages.get(bare.slice(0, dot))?.types[name];
  if (found?.kind !== "alias" || found.of !== "string" || (found.enum?.length ?? 0) < 2) return undefined;
  return openSets.test(name) && !closedSets.has(name) ? undefined : found.enum;
}

function fieldTable(field: SourceField, here: string): unknown[] {
  const flags = `${field.optional ? "o" : ""}${field.omitEmpty ? "e" : ""}${field.inline ? "i" : ""}`;
  const gate = field.markers?.find((marker) => marker.startsWith("featureGate="))?.slice("featureGate=".length);
  const extra = {
    ...(field.protoType && field.protoType !== "bytes" && field.protoType !== "varint"
      ? { wire: field.protoType }
      : {}),
    ...(field.listType ? { list: field.listType } : {}),
    ...(field.listMapKeys ? { keys: field.listMapKeys } : {}),
    ...(field.mapType ? { map: field.mapType } : {}),
    ...(field.structType ? { struct: field.structType } : {}),
    ...(field.patchStrategy ? { patch: field.patchStrategy } : {}),
    ...(field.patchMergeKey ? { mergeKey: field.patchMergeKey } : {}),
    ...(field.default !== undefined && !field.default.startsWith("ref(") ? { default: JSON.parse(field.default) } : {}),
    ...(gate ? { gate } : {}),
  };
  const row: unknown[] = [field.name, parse(field.type, here, new Set()).table, field.proto ?? 0, flags];
  if (Object.keys(extra).length > 0) row.push(extra);
  return row;
}

function typeText(name: string, type: SourceType, here: string, imports: Set<string>): string {
  if (type.kind === "alias") {
    if (type.enum && type.enum.length > 0) {
      return `export type ${name} = ${type.enum.map((value) => JSON.stringify(value)).join(" | ")};\n`;
    }
    if (!type.of || type.of === "any") return `export type ${name} = unknown;\n`;
    return `export type ${name} = ${parse(type.of, here, imports).text};\n`;
  }
  const extend: string[] = [];
  const lines: string[] = [];
  const fields = type.fields ?? [];
  const isObject =
    type.resource === true &&
    fields.some((field) => field.name === "metadata" && field.type.endsWith("meta/v1.ObjectMeta"));
  for (const field of fields) {
    if (field.inline) {
      const bare = field.type.replace(/^\*/, "");
      if (bare === "meta/v1.TypeMeta" && type.resource) {
        lines.push("  readonly apiVersion: string;", "  readonly kind: string;");
      } else if (!scalars[bare]) {
        extend.push(parse(bare, here, imports).text);
      }
      continue;
    }
    if (field.name === "" || field.name === "-") continue;
    const parsed = parse(field.type, here, imports);
    if (isObject && field.name === "metadata") {
      const meta = type.clusterScoped ? "StoredMeta" : "NamespacedMeta";
      imports.add(`scalar:${meta}`);
      lines.push(`  readonly metadata: ${meta};`);
      continue;
    }
    const pointer = field.type.startsWith("*");
    const required = isObject && field.name === "spec" && !pointer;
    const optional = !required && (field.optional || field.omitEmpty || pointer);
    const key = /^[A-Za-z_$][\w$]*$/.test(field.name) ? field.name : JSON.stringify(field.name);
    lines.push(`  readonly ${key}${optional ? "?" : ""}: ${parsed.text};`);
  }
  const heritage = extend.length > 0 ? ` extends ${extend.join(", ")}` : "";
  return `export interface ${name}${heritage} {\n${lines.join("\n")}${lines.length > 0 ? "\n" : ""}}\n`;
}

const tables: string[] = [];
const enumerations: Record<string, Readonly<Record<string, readonly string[]>>> = {};
for (const [here, file] of packages) {
  const table: Record<string, unknown> = {};
  const imports = new Set<string>();
  let body = "";
  for (const [name, type] of Object.entries(file.types)) {
    if (scalars[`${here}.${name}`]) continue;
    body += typeText(name, type, here, imports);
    if (type.kind !== "struct") continue;
    const closed = (type.fields ?? []).flatMap((field) => {
      const values = enumeration(field.type);
      return values ? [[field.name, values] as const] : [];
    });
    if (closed.length > 0) enumerations[`${here}.${name}`] = Object.fromEntries(closed);
    table[name] = {
      fields: (type.fields ?? []).map((field) => fieldTable(field, here)),
      ...(type.structType ? { struct: type.structType } : {}),
      ...(type.resource ? { resource: true } : {}),
      ...(type.clusterScoped ? { cluster: true } : {}),
      ...(type.introduced ? { introduced: type.introduced } : {}),
      ...(type.deprecated ? { deprecated: type.deprecated } : {}),
      ...(type.removed ? { removed: type.removed } : {}),
    };
  }
  const scalarImports = [...imports]
    .filter((item) => item.startsWith("scalar:"))
    .map((item) => item.slice("scalar:".length));
  const owners = new Set([...imports].filter((item) => !item.startsWith("scalar:")).map((item) => item.split(":")[0]!));
  const machinery = isMeta(here) ? ".." : "../../machinery";
  const lines = ["// Generated by scripts/generate-facts.ts. Do not edit."];
  for (const owner of [...owners].sort()) {
    if (!body.includes(`${alias(owner)}.`)) continue;
    const path = isMeta(owner) ? `${machinery}/generated/meta-v1.ts` : `./${moduleName(owner)}.ts`;
    lines.push(`import type * as ${alias(owner)} from "${path}";`);
  }
  if (scalarImports.length > 0) {
    lines.push(`import type { ${scalarImports.sort().join(", ")} } from "${machinery}/object.ts";`);
  }
  const types = isMeta(here) ? "src/machinery/generated/meta-v1.ts" : `src/api/generated/${moduleName(here)}.ts`;
  if (hasTypes(here)) writeFileSync(types, `${lines.join("\n")}\n\n${body}`);
  const rows = Object.entries(table).map(([name, type]) => `${JSON.stringify(name)}:${JSON.stringify(type)}`);
  const text = `{"group":${JSON.stringify(file.group)},"package":${JSON.stringify(here)},"types":{\n${rows.join(",\n")}\n}}`;
  if (isMeta(here)) writeFileSync("src/machinery/generated/meta-v1.json", `${text}\n`);
  else tables.push(text);
}
writeFileSync("src/api/facts/types.json", `[\n${tables.join(",\n")}\n]\n`);
const enumerationRows = Object.entries(enumerations).map(([name, fields]) => `"${name}":${JSON.stringify(fields)}`);
writeFileSync("src/api/facts/enumerations.json", `{\n${enumerationRows.join(",\n")}\n}\n`);
if (unknownNames.size > 0) console.log(`read as strings: ${[...unknownNames].sort().join(", ")}`);
console.log(`${packages.size} group versions`);
