import { isEqual } from "../machinery/equality.ts";
import type { KubeObject } from "../machinery/object.ts";
import { without } from "./fill.ts";
import type { VersionMapping } from "./kind.ts";

/** Holds what an object's spec says that its version has no words for, as JSON. */
const keptAnnotation = "navarch.io/other-spec-fields";

type Members = Readonly<Record<string, unknown>>;
type WithSpec = KubeObject & { readonly spec?: Members };

export interface ReducedVersion {
  /** `apps/v1.StatefulSet` is stored as `apps/v1`, kind `StatefulSet`. */
  readonly stored: { readonly apiVersion: string; readonly kind: string };
  readonly apiVersion: string;
  /** The type in `facts`. */
  readonly type: string;
  /** The members of the spec that the version has. */
  readonly spec: readonly string[];
  /** What the others are as long as nobody says otherwise. */
  readonly implied?: Members;
  readonly defaults?: NonNullable<VersionMapping["defaults"]>;
}

/** An early version of a kind, with fewer members in its spec: what has no place there travels in an annotation. */
export function reducedVersion({ stored, apiVersion, type, defaults, ...rest }: ReducedVersion): VersionMapping {
  const { spec: known, implied = {} } = rest;
  const kind = type.slice(type.lastIndexOf(".") + 1);
  return {
    type,
    ...(defaults ? { defaults } : {}),
    toStored: (object) => {
      const { metadata, spec, ...others } = object as WithSpec;
      const kept = parse(metadata.annotations?.[keptAnnotation]);
      return {
        ...others,
        ...stored,
        metadata: withAnnotation(metadata, undefined),
        ...(spec || kept ? { spec: { ...implied, ...kept, ...spec } } : {}),
      } as KubeObject;
    },
    fromStored: (object) => {
      const { metadata, spec, ...others } = object as WithSpec;
      const named = { ...others, apiVersion, kind };
      if (!spec) return { ...named, metadata } as KubeObject;
      const entries = Object.entries(spec);
      const own = entries.filter(([name]) => known.includes(name));
      const other = entries.filter(
        ([name, value]) => !known.includes(name) && value !== undefined && !isEqual(value, implied[name]),
      );
      const text = other.length > 0 ? JSON.stringify(Object.fromEntries(other)) : undefined;
      return { ...named, metadata: withAnnotation(metadata, text), spec: Object.fromEntries(own) } as KubeObject;
    },
  };
}

function withAnnotation(metadata: KubeObject["metadata"], text: string | undefined): KubeObject["metadata"] {
  const { annotations } = metadata;
  if (annotations?.[keptAnnotation] === text) return metadata;
  const { [keptAnnotation]: _kept, ...others } = annotations ?? {};
  const next = text === undefined ? others : { ...others, [keptAnnotation]: text };
  const bare = without(metadata, "annotations") as KubeObject["metadata"];
  return Object.keys(next).length > 0 ? { ...bare, annotations: next } : bare;
}

// Somebody may have written something else there: it is then of no consequence.
function parse(text: string | undefined): Members | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
  } catch {
    return undefined;
  }
}
