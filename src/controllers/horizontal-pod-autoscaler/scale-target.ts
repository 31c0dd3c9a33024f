import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import type { Scale } from "../../api/autoscaling/scale.ts";
import type { CrossVersionObjectReference } from "../../api/generated/autoscaling-v2.ts";
import { kinds } from "../../api/kinds.ts";
import { Fault } from "../../lib/fault.ts";
import type { KindRef, KubeObject, ObjectKey } from "../../machinery/object.ts";
import type { Cache, ReconcileContext } from "../framework/controller.ts";

/** A workload's size, wherever the workload is. */
export interface ScaleTarget {
  readonly kind: KindRef<unknown>;
  readonly key: ObjectKey;
  readonly scale: Scale;
}

/** The kind that a reference names: a built-in one, or one of a definition. Throws Fault `invalid` where there is none. */
export function kindNamed({ apiVersion = "v1", kind }: CrossVersionObjectReference, cache: Cache): KindRef<unknown> {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const moved = (versions: object = {}) => Object.keys(versions).includes(apiVersion); // extensions/v1beta1
  const known = kinds.filter(
    (each) => each.kind === kind && (each.group === group || moved(each.declaration.versions)),
  ) as unknown as readonly KindRef<KubeObject>[];
  const [builtIn = undefined] = known.filter((each) => each.version === version).concat(known);
  if (builtIn) return builtIn;
  const definition = cache
    .list(CustomResourceDefinition)
    .find(({ spec }) => spec.group === group && spec.names.kind === kind);
  const served = definition?.spec.versions.filter(({ served: isServed }) => isServed) ?? [];
  const chosen = served.find(({ name }) => name === version) ?? served[0];
  if (!definition || !chosen) throw new Fault("invalid", `no matches for kind "${kind}" in group "${group}"`);
  const { names, scope } = definition.spec;
  return {
    group: group ?? "",
    version: chosen.name,
    kind: kind,
    plural: names.plural,
    namespaced: scope === "Namespaced",
  };
}

/** Reads the target's size. */
export async function readScale(
  reference: CrossVersionObjectReference,
  namespace: string,
  { cache, client }: ReconcileContext,
): Promise<ScaleTarget> {
  const kind = kindNamed(reference, cache);
  const key = { namespace, name: reference.name };
  return { kind, key, scale: await client.getSubresource<Scale>(kind, key, "scale") };
}

/** Asks for another size; somebody who changed it meanwhile wins. */
export async function writeScale(
  { kind, key, scale }: ScaleTarget,
  replicas: number,
  { client }: ReconcileContext,
): Promise<void> {
  await client.updateSubresource(kind, key, "scale", { ...scale, spec: { ...scale.spec, replicas } });
}
