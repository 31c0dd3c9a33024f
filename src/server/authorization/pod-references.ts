import type { Pod } from "../../api/core/pod.ts";

const remembered = new WeakMap<Pod, ReadonlySet<string>>();

/** What a pod needs from its namespace, as `secrets/name`, `configmaps/name`, `persistentvolumeclaims/name`, `serviceaccounts/name`. */
export function referencesOf(pod: Pod): ReadonlySet<string> {
  const known = remembered.get(pod);
  if (known) return known;
  const found = new Set(collect(pod));
  remembered.set(pod, found);
  return found;
}

function* collect({ spec, metadata }: Pod): Iterable<string> {
  if (!spec) return;
  if (spec.serviceAccountName) yield `serviceaccounts/${spec.serviceAccountName}`;
  for (const { name } of spec.imagePullSecrets ?? []) if (name) yield `secrets/${name}`;
  for (const container of [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ]) {
    for (const { secretRef, configMapRef } of container.envFrom ?? []) {
      if (secretRef?.name) yield `secrets/${secretRef.name}`;
      if (configMapRef?.name) yield `configmaps/${configMapRef.name}`;
    }
    for (const { valueFrom } of container.env ?? []) {
      if (valueFrom?.secretKeyRef?.name) yield `secrets/${valueFrom.secretKeyRef.name}`;
      if (valueFrom?.configMapKeyRef?.name) yield `configmaps/${valueFrom.configMapKeyRef.name}`;
    }
  }
  for (const volume of spec.volumes ?? []) {
    if (volume.secret?.secretName) yield `secrets/${volume.secret.secretName}`;
    if (volume.configMap?.name) yield `configmaps/${volume.configMap.name}`;
    if (volume.persistentVolumeClaim) yield `persistentvolumeclaims/${volume.persistentVolumeClaim.claimName}`;
    if (volume.ephemeral) yield `persistentvolumeclaims/${metadata.name}-${volume.name}`;
    for (const { secret, configMap } of volume.projected?.sources ?? []) {
      if (secret?.name) yield `secrets/${secret.name}`;
      if (configMap?.name) yield `configmaps/${configMap.name}`;
    }
    // Old volume types name their secrets in as many ways as there are types; all end in a reference with a name.
    for (const source of Object.values(volume)) {
      if (typeof source !== "object" || source === null || !("secretRef" in source)) continue;
      const { secretRef } = source as { readonly secretRef?: { readonly name?: string } };
      if (secretRef?.name) yield `secrets/${secretRef.name}`;
    }
  }
}
