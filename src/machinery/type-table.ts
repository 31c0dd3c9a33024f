import metaV1 from "./generated/meta-v1.json" with { type: "json" };
import type {
  EitherInfo,
  FieldInfo,
  ListInfo,
  MapInfo,
  ScalarInfo,
  ScalarName,
  StructInfo,
  TypeInfo,
  TypeLookup,
} from "./type-info.ts";

/** A field as the generated tables write it: name, type, protobuf number, flags (`o`ptional, omit`e`mpty, `i`nline), rest. */
export type FactField = readonly [name: string, type: string, proto: number, flags: string, extra?: FactExtra];

export interface FactExtra {
  readonly wire?: string;
  readonly list?: string;
  readonly keys?: readonly string[];
  readonly map?: string;
  readonly struct?: string;
  readonly patch?: string;
  readonly mergeKey?: string;
  readonly default?: unknown;
  /** Feature gates, separated by commas, that must all be on. */
  readonly gate?: string;
}

export interface FactType {
  readonly fields: readonly FactField[];
  readonly struct?: string;
  /** An API object, or a list of them. */
  readonly resource?: boolean;
  readonly cluster?: boolean;
  readonly introduced?: string;
  readonly deprecated?: string;
  readonly removed?: string;
}

/** The types of one group version, by their bare names. */
export interface FactPackage {
  readonly group: string;
  /** `core/v1`, the first half of the full type names. */
  readonly package: string;
  readonly types: Readonly<Record<string, FactType>>;
}

export interface TableOptions {
  /** Whether a field behind this gate is there. Default: every field is. */
  readonly gate?: (name: string) => boolean;
  /** Types that are not known at all. */
  readonly hiddenType?: (name: string, type: FactType) => boolean;
  /** Fields that are not known at all; `name` is the full one, as `core/v1.PodSpec.schedulingGroup`. */
  readonly hiddenField?: (name: string, gates: readonly string[]) => boolean;
}

const scalarNames = [
  "string",
  "bool",
  "int32",
  "int64",
  "double",
  "byte",
  "bytes",
  "quantity",
  "intOrString",
  "time",
  "microTime",
  "duration",
  "raw",
  "fieldsV1",
  "any",
] as const satisfies readonly ScalarName[];

/** One shared value per scalar type. */
export const scalars: Readonly<Record<ScalarName, ScalarInfo>> = Object.fromEntries(
  scalarNames.map((scalar) => [scalar, Object.freeze({ kind: "scalar", scalar })]),
) as unknown as Readonly<Record<ScalarName, ScalarInfo>>;

/** The types of meta/v1, which every group uses. */
export const metaFacts = metaV1 as unknown as FactPackage;

/** Makes the tables of several packages into types, each built on first use. A later package of the same name adds to the first. */
export function typeTable(packages: readonly FactPackage[], options: TableOptions = {}): TypeLookup {
  const facts = new Map<string, FactType>();
  for (const { package: owner, types } of packages) {
    for (const [name, type] of Object.entries(types)) facts.set(`${owner}.${name}`, type);
  }
  const built = new Map<string, StructInfo | undefined>();

  const lookup: TypeLookup = (name) => {
    const known = built.get(name);
    if (known || built.has(name)) return known;
    const fact = facts.get(name);
    const struct =
      fact && !options.hiddenType?.(name, fact) ? new TableStruct(name, fact, resolve, options) : undefined;
    built.set(name, struct);
    return struct;
  };

  const resolve = (text: string): TypeInfo => {
    if (text.startsWith("*")) return resolve(text.slice(1));
    if (text.startsWith("[]")) return { kind: "list", item: resolve(text.slice(2)) } satisfies ListInfo;
    if (text.startsWith("{}")) return { kind: "map", value: resolve(text.slice(2)) } satisfies MapInfo;
    if (text in scalars) return scalars[text as ScalarName];
    // Types whose sources give them a JSON form of their own.
    const own = /^(apiextensions\/\w+)\.(JSON|JSONSchemaPropsOr(Bool|Array|StringArray))$/.exec(text);
    if (own?.[2] === "JSON") return scalars.raw;
    if (own) {
      const or = own[3] === "Bool" ? "bool" : own[3] === "Array" ? "list" : "strings";
      return { kind: "either", struct: resolve(`${own[1]}.JSONSchemaProps`), or } satisfies EitherInfo;
    }
    // A hidden type can only be reached through a hidden field; carried as it is, should a table say otherwise.
    return lookup(text) ?? scalars.any;
  };
  return lookup;
}

class TableStruct implements StructInfo {
  readonly kind = "struct";
  readonly name: string;
  readonly atomic: boolean;
  readonly open = false;
  readonly #fact: FactType;
  readonly #resolve: (text: string) => TypeInfo;
  readonly #options: TableOptions;
  #parts: StructParts | undefined;

  constructor(name: string, fact: FactType, resolve: (text: string) => TypeInfo, options: TableOptions) {
    this.name = name;
    this.atomic = fact.struct === "atomic";
    this.#fact = fact;
    this.#resolve = resolve;
    this.#options = options;
  }

  get fields(): ReadonlyMap<string, FieldInfo> {
    return this.#built().fields;
  }

  get members(): readonly FieldInfo[] {
    return this.#built().members;
  }

  get disabled(): ReadonlySet<string> {
    return this.#built().disabled;
  }

  #built(): StructParts {
    this.#parts ??= structParts(this.name, this.#fact, this.#resolve, this.#options);
    return this.#parts;
  }
}

interface StructParts {
  readonly fields: ReadonlyMap<string, FieldInfo>;
  readonly members: readonly FieldInfo[];
  readonly disabled: ReadonlySet<string>;
}

function structParts(
  owner: string,
  fact: FactType,
  resolve: (text: string) => TypeInfo,
  { gate, hiddenField }: TableOptions,
): StructParts {
  const members: FieldInfo[] = [];
  const fields = new Map<string, FieldInfo>();
  const disabled = new Set<string>();
  for (const row of fact.fields) {
    const name = row[0];
    const gates = row[4]?.gate?.split(",") ?? [];
    if (name !== "" && hiddenField?.(`${owner}.${name}`, gates)) continue;
    if (gate && !gates.every(gate)) {
      disabled.add(name);
      continue;
    }
    const field = new TableField(row, owner, resolve);
    members.push(field);
    if (!field.inline) fields.set(name, field);
    else if (field.type.kind === "struct") {
      for (const [inner, info] of field.type.fields) fields.set(inner, info);
      for (const inner of field.type.disabled ?? []) disabled.add(inner);
    }
  }
  return { fields, members, disabled };
}

class TableField implements FieldInfo {
  readonly name: string;
  readonly inline: boolean;
  readonly proto: number;
  readonly wire?: string;
  readonly pointer: boolean;
  readonly optional: boolean;
  readonly omitEmpty: boolean;
  readonly omitZero: boolean;
  readonly listType?: "atomic" | "set" | "map";
  readonly listMapKeys?: readonly string[];
  readonly mapType?: "atomic" | "granular";
  readonly structType?: "atomic" | "granular";
  readonly patchStrategy?: readonly string[];
  readonly patchMergeKey?: string;
  readonly default?: unknown;
  readonly #text: string;
  readonly #resolve: (text: string) => TypeInfo;
  #type: TypeInfo | undefined;

  constructor([name, type, proto, flags, extra]: FactField, owner: string, resolve: (text: string) => TypeInfo) {
    this.name = name;
    this.inline = flags.includes("i");
    this.proto = proto;
    this.pointer = type.startsWith("*");
    this.optional = flags.includes("o");
    this.omitEmpty = flags.includes("e");
    this.omitZero = owner === "meta/v1.ObjectMeta" && name === "creationTimestamp";
    if (extra?.wire) this.wire = extra.wire;
    if (extra?.list) this.listType = extra.list as "atomic" | "set" | "map";
    if (extra?.keys) this.listMapKeys = extra.keys;
    if (extra?.map) this.mapType = extra.map as "atomic" | "granular";
    if (extra?.struct) this.structType = extra.struct as "atomic" | "granular";
    if (extra?.patch) this.patchStrategy = extra.patch.split(",");
    if (extra?.mergeKey) this.patchMergeKey = extra.mergeKey;
    if (extra?.default !== undefined) this.default = extra.default;
    this.#text = type;
    this.#resolve = resolve;
  }

  get type(): TypeInfo {
    this.#type ??= this.#resolve(this.#text);
    return this.#type;
  }
}

/** Finds the types of meta/v1 alone (`meta/v1.ObjectMeta`), for those who know no other group. */
export const lookupMeta: TypeLookup = typeTable([metaFacts], { gate: () => false });
