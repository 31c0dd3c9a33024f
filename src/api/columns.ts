import type { LabelSelector } from "../machinery/generated/meta-v1.ts";
import { selectorOfObject } from "../machinery/labels.ts";
import type { ObjectMeta } from "../machinery/object.ts";
import { since } from "./durations.ts";
import type { Column } from "./kind.ts";

interface WithMeta {
  readonly metadata: ObjectMeta;
}

/** The first column of nearly every table. */
export const nameColumn: Column<WithMeta> = {
  name: "Name",
  type: "string",
  format: "name",
  of: ({ metadata }) => metadata.name ?? "",
};

/** How long ago the object was made, rendered by the server. */
export const ageColumn: Column<WithMeta> = {
  name: "Age",
  type: "string",
  of: ({ metadata }, { now }) => since(metadata.creationTimestamp, now),
};

/** The moment of creation as a date, for kinds that have nothing else to show. */
export const createdAtColumn: Column<WithMeta> = {
  name: "Created At",
  type: "date",
  of: ({ metadata }) => metadata.creationTimestamp ?? null,
};

/** A text column. */
export function text<T>(name: string, of: Column<T>["of"]): Column<T> {
  return { name, type: "string", of };
}

/** A column of whole numbers. */
export function integer<T>(name: string, of: Column<T>["of"]): Column<T> {
  return { name, type: "integer", of };
}

/** The same column, shown in wide output only. */
export function wide<T>(column: Column<T>): Column<T> {
  return { ...column, priority: 1 };
}

/** The value, or `<none>` for an absent or empty one. */
export function orNone(value: string | undefined): string {
  return value ? value : "<none>";
}

/** `k=v,k2=v2` in order of key, or `<none>`. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  return orNone(pairs.join(","));
}

/** A selector as `kubectl` writes it, its requirements in order of key; `<none>` for an absent or empty one. */
export function selectorText(selector: LabelSelector | undefined): string {
  try {
    return orNone(selectorOfObject(selector).toString());
  } catch {
    return "<error>";
  }
}

/** The first `limit` entries and how many more there are: `a,b,c + 2 more...`. */
export function firstOf(list: readonly string[], limit: number): string {
  const shown = list.slice(0, limit).join(",");
  return list.length > limit ? `${shown} + ${list.length - limit} more...` : shown;
}

interface Templated {
  readonly spec: {
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image?: string }[] };
    };
  };
}

/** Names of the containers in the pod template, in wide output. */
export const containersColumn: Column<Templated> = wide(
  text("Containers", ({ spec }) => namesOf(spec.template?.spec?.containers)),
);

/** Images of the containers in the pod template, in wide output. */
export const imagesColumn: Column<Templated> = wide(
  text("Images", ({ spec }) => imagesOf(spec.template?.spec?.containers)),
);

/** The label selector, in wide output. */
export const selectorColumn: Column<{ readonly spec: { readonly selector?: LabelSelector } }> = wide(
  text("Selector", ({ spec }) => selectorText(spec.selector)),
);

type NamedImages = readonly { readonly name: string; readonly image?: string }[] | undefined;

/** The containers' names, joined by commas. */
export function namesOf(containers: NamedImages): string {
  return (containers ?? []).map(({ name }) => name).join(",");
}

/** The containers' images, joined by commas. */
export function imagesOf(containers: NamedImages): string {
  return (containers ?? []).map(({ image }) => image ?? "").join(",");
}
