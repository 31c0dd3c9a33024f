/**
 * What codecs, patches, apply, OpenAPI and pruning need to know about a type. Supplied by `api/facts` for built-in kinds
 * and by structural schemas for custom resources.
 */
export type TypeInfo = ScalarInfo | StructInfo | ListInfo | MapInfo | EitherInfo;

export type ScalarName =
  | "string"
  | "bool"
  | "int32"
  | "int64"
  | "double"
  | "byte"
  | "bytes" // base64 in JSON
  | "quantity"
  | "intOrString"
  | "time"
  | "microTime"
  | "duration"
  | "raw" // any object, carried as it is
  | "fieldsV1"
  | "any";

export interface ScalarInfo {
  readonly kind: "scalar";
  readonly scalar: ScalarName;
}

export interface ListInfo {
  readonly kind: "list";
  readonly item: TypeInfo;
}

export interface MapInfo {
  readonly kind: "map";
  readonly value: TypeInfo;
}

/** A struct, or something simpler in its place: how JSON schemas write `additionalProperties`, `items` and `dependencies`. */
export interface EitherInfo {
  readonly kind: "either";
  readonly struct: TypeInfo;
  /** A boolean, a list of the same struct, or a list of strings. */
  readonly or: "bool" | "list" | "strings";
}

export interface StructInfo {
  readonly kind: "struct";
  /** `apps/v1.ReplicaSet`, or the name of a custom resource's kind. */
  readonly name: string;
  /** By JSON name, in declared order; fields of inlined types stand here as if they were the struct's own. */
  readonly fields: ReadonlyMap<string, FieldInfo>;
  /** Declared order with inlined types unflattened: the protobuf layout. */
  readonly members: readonly FieldInfo[];
  /** Applied and merged as one value. */
  readonly atomic: boolean;
  /** Unknown fields are kept (custom resources that ask for it). */
  readonly open: boolean;
  /** Names that are known but switched off: what a client sends there is dropped without a word. */
  readonly disabled?: ReadonlySet<string>;
  /**
   * Reads a value in the type's place, where its fields do not say how: values of custom resources keep whatever form
   * they have, for validation to judge. Paths of what is dropped go into `unknown`, if anybody asks.
   */
  readonly decode?: (value: unknown, context: { readonly unknown: string[] | undefined; depth: number }) => unknown;
}

export interface FieldInfo {
  /** The JSON name; empty for an inlined type. */
  readonly name: string;
  /** Resolved on first use, as types may contain themselves. */
  readonly type: TypeInfo;
  readonly inline: boolean;
  /** The protobuf number; 0 where it has none. */
  readonly proto: number;
  /** Protobuf wire form where the type alone does not say it, as `fixed32`. */
  readonly wire?: string;
  /** A pointer in the sources: absent and zero are different things. */
  readonly pointer: boolean;
  readonly optional: boolean;
  readonly omitEmpty: boolean;
  /** A zero value is left out even where it is not "empty": a creationTimestamp that is not set yet. */
  readonly omitZero?: boolean;
  readonly listType?: "atomic" | "set" | "map";
  readonly listMapKeys?: readonly string[];
  readonly mapType?: "atomic" | "granular";
  readonly structType?: "atomic" | "granular";
  /** Strategic merge: `merge`, `replace`, `retainKeys`. */
  readonly patchStrategy?: readonly string[];
  readonly patchMergeKey?: string;
  readonly default?: unknown;
}

/** Finds a type by its full name (`core/v1.Pod`); undefined if there is none. */
export type TypeLookup = (name: string) => StructInfo | undefined;
