import type { Pod } from "../../api/core/pod.ts";

const remembered = new WeakMap<Pod, ReadonlySet<string>>();

/** What a pod needs from its namespace, by plural and name: `secrets/NAME`, `resourceclaims/NAME`. A mirror pod needs nothing. */
export function referencesOf(pod: Pod): ReadonlySet<string> {
  const known = remembered.get(pod);
  if (known) return known;
  const found = new Set(collect(pod));
  remembered.set(pod, found);
  return found;
}

function* collect({ spec, metadata, status }: Pod): Iterable<string> {
  // Of a static pod the node knows all; what it writes into the API must not open anything to it.
  if (!spec || metadata.annotations?.["kubernetes.io/config.mirror"]) return;
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
  for (const { name, resourceClaimName } of spec.resourceClaims ?? []) {
    const made = status?.resourceClaimStatuses?.find((claim) => claim.name === name)?.resourceClaimName;
    const claim = resourceClaimName ?? made;
    if (claim) yield `resourceclaims/${claim}`;
  }
  const extended = status?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended) yield `resourceclaims/${extended}`;
  for (const volume of spec.volumes ?? []) {
    if (volume.secret?.secretName) yield `secrets/${volume.secret.secretName}`;
    if (volume.azureFile?.secretName) yield `secrets/${volume.azureFile.secretName}`;
    if (volume.configMap?.name) yield `configmaps/${volume.configMap.name}`;
    if (volume.persistentVolumeClaim) yield `persistentvolumeclaims/${volume.persistentVolumeClaim.claimName}`;
    if (volume.ephemeral) yield `persistentvolumeclaims/${metadata.name}-${volume.name}`;
    for (const { secret, configMap } of volume.projected?.sources ?? []) {
      if (secret?.name) yield `secrets/${secret.name}`;
      if (configMap?.name) yield `configmaps/${configMap.name}`;
    }
    // Old volume types name their secrets in as many ways as there are types; all end in a reference with a name.
    for (const source of Object.values(volume)) {
      if (typeof source !== "object" || source === null) continue;
      const { secretRef, nodePublishSecretRef } = source as Readonly<Record<string, { readonly name?: string }>>;
      for (const reference of [secretRef, nodePublishSecretRef]) if (reference?.name) yield `secrets/${reference.name}`;
    }
  }
}
