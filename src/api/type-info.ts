import type { TypeLookup } from "../machinery/type-info.ts";
import { type FactPackage, type FactType, metaFacts, type TableOptions, typeTable } from "../machinery/type-table.ts";
import types from "./facts/types.json" with { type: "json" };
import { gateIsLater, gateOn } from "./feature-gates.ts";
import { groupNames } from "./kind.ts";

/** Every group version that the field tables know, meta/v1 first. */
export const factPackages: readonly FactPackage[] = [metaFacts, ...(types as unknown as readonly FactPackage[])];

/** Fields that came after v1.35 without a gate of their own. */
const laterFields = new Set([
  "certificates/v1beta1.PodCertificateRequestSpec.stubPKCS10Request",
  "core/v1.VolumeMountStatus.volumeStatus",
]);

/** What v1.35 does not know, whatever is switched on. */
const release: TableOptions = {
  hiddenType: (name, type) => type.introduced === "1.36" || name.startsWith("scheduling/v1alpha2."),
  hiddenField: (name, gates) => laterFields.has(name) || gates.some(gateIsLater),
};

/**
 * Finds a type of the served API, v1.35 with its default feature gates: `apps/v1.ReplicaSet`, `meta/v1.ObjectMeta`.
 * Types and fields of later releases are unknown; fields that are switched off are dropped in silence.
 */
export const lookupType: TypeLookup = typeTable(factPackages, { ...release, gate: gateOn });

/** As `lookupType`, with the fields that stand behind further feature gates. */
export function lookupWithGates(on: ReadonlySet<string>): TypeLookup {
  return typeTable(factPackages, { ...release, gate: (name) => on.has(name) || gateOn(name) });
}

/** Finds a type of v1.35 with every feature gate on: for reading what a differently set up server wrote. */
export const lookupUngatedType: TypeLookup = typeTable(factPackages, release);

/** Finds a type with every field that the tables know, those of later releases too. */
export const lookupAnyType: TypeLookup = typeTable(factPackages);

/** The type of a kind by its names in the API: `policy`, `v1`, `Eviction`. */
export function typeOfKind({ group, version, kind }: Readonly<Record<"group" | "version" | "kind", string>>) {
  const folder = Object.entries(groupNames).find(([, name]) => name === group)?.[0] ?? group;
  return lookupType(`${folder}/${version}.${kind}`);
}

const byName = new Map<string, FactType>();

/** The facts of a type that are not its fields: resource or not, scope, releases. */
export function typeFacts(name: string): Omit<FactType, "fields"> | undefined {
  if (byName.size === 0) {
    for (const { package: owner, types } of factPackages) {
      for (const [bare, type] of Object.entries(types)) byName.set(`${owner}.${bare}`, type);
    }
  }
  return byName.get(name);
}
