/** One step of a path, or one part of a template. */
export type PathNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "wildcard" }
  | { readonly kind: "recursive" }
  | { readonly kind: "slice"; readonly slice: Slice }
  | { readonly kind: "union"; readonly paths: readonly Path[] }
  | { readonly kind: "filter"; readonly left: Path; readonly right: Path; readonly operator: string }
  /** `range`, `end`; any other name is an error when it is met. */
  | { readonly kind: "identifier"; readonly name: string };

/** Steps that are taken one after the other. */
export type Path = readonly PathNode[];

/** `[from:to:step]`; a single index is the slice of one element. */
export interface Slice {
  readonly from?: number;
  readonly to?: number;
  readonly step?: number;
  /** Only one index was given. */
  readonly single: boolean;
}

/** Text as it stands, or what a path in braces leads to. */
export type Segment = { readonly kind: "text"; readonly text: string } | { readonly kind: "path"; readonly path: Path };
