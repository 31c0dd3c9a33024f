import type { PersistentVolume } from "../../api/core/persistent-volume.ts";
import type { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { StorageClass } from "../../api/storage/storage-class.ts";
import { compareQuantities } from "../../machinery/quantity.ts";
import { forbidden } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import type { AdmissionPlugin } from "./admission.ts";

/** Lets a claim grow only when it is bound and its storage class can expand volumes. */
export function persistentVolumeClaimResize(registry: Registry): AdmissionPlugin {
  const { cache, resource } = registry.of(StorageClass);
  return {
    name: "PersistentVolumeClaimResize",
    handles: ({ operation, group, resource: plural, subresource }) =>
      operation === "UPDATE" && group === "" && plural === "persistentvolumeclaims" && subresource === "",
    async validate(object, previous) {
      if (!object || !previous) return;
      const next = object as AnyObject as unknown as PersistentVolumeClaim;
      const before = previous as AnyObject as unknown as PersistentVolumeClaim;
      const size = next.spec?.resources?.requests?.storage;
      const old = before.spec?.resources?.requests?.storage;
      if (!size || !old || compareQuantities(size, old) <= 0) return;
      const refuse = (why: string) =>
        forbidden({ group: "", plural: "persistentvolumeclaims" }, next.metadata.name ?? "", why);
      if (before.status?.phase !== "Bound") throw refuse("Only bound persistent volume claims can be expanded");
      const name =
        next.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? next.spec?.storageClassName;
      const key = resource.key(undefined, name ?? "");
      if (name && !cache.get(key)) await cache.current();
      if (name && objectOf<StorageClass>(cache.get(key))?.allowVolumeExpansion) return;
      throw refuse(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
      );
    },
  };
}

/** Each place's label today and the one that it had before. */
const places = [
  ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"],
  ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"],
] as const;
/** Stands between several zones in one label. */
const separator = "__";

type Terms = NonNullable<NonNullable<NonNullable<PersistentVolume["spec"]>["nodeAffinity"]>["required"]>;

/**
 * A volume says by its labels which zone it is in, and by its node affinity where it can be attached: each is filled in
 * from the other, so that a volume of either age is used in its own zone only.
 */
export const persistentVolumeLabel: AdmissionPlugin = {
  name: "PersistentVolumeLabel",
  handles: ({ operation, group, resource, subresource }) =>
    operation === "CREATE" && group === "" && resource === "persistentvolumes" && subresource === "",
  mutate(object) {
    const { metadata, spec } = object as AnyObject as unknown as PersistentVolume;
    const required = spec?.nodeAffinity?.required;
    return required ? labelled(object, required) : withAffinity(object, metadata.labels ?? {});
  },
};

function labelled(object: AnyObject, { nodeSelectorTerms }: Terms): AnyObject {
  const labels: Record<string, string> = {};
  for (const keys of places) {
    const values = (nodeSelectorTerms ?? []).flatMap(({ matchExpressions = [] }) =>
      matchExpressions.flatMap(({ key, operator, values: listed = [] }) =>
        operator === "In" && keys.some((one) => one === key) ? listed : [],
      ),
    );
    if (values.length === 0 || keys.some((key) => object.metadata.labels?.[key] !== undefined)) continue;
    labels[keys[0]] = [...new Set(values)].sort().join(separator);
  }
  if (Object.keys(labels).length === 0) return object;
  return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } } };
}

function withAffinity(object: AnyObject, labels: Readonly<Record<string, string>>): AnyObject {
  const matchExpressions = places.flatMap((keys) => {
    const key = keys.find((one) => labels[one]);
    const value = key && labels[key];
    return key && value ? [{ key: keys[0], operator: "In", values: value.split(separator) }] : [];
  });
  if (matchExpressions.length === 0) return object;
  const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions }] } };
  return { ...object, spec: { ...(object.spec as object), nodeAffinity } };
}
