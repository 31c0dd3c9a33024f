import { StatefulSet } from "../../api/apps/stateful-set.ts";
import type { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import type { PodTemplateSpec, Volume } from "../../api/generated/core-v1.ts";
import type { Draft, OwnerReference } from "../../machinery/object.ts";
import { controllerReference } from "../framework/ownership.ts";
import { podFromTemplate } from "../framework/pods.ts";

export const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";
/** Carries the name of the revision that a pod was made from. */
export const revisionLabel = "controller-revision-hash";

export const startOf = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;
export const replicasOf = ({ spec }: StatefulSet): number => spec.replicas ?? 1;
export const podName = ({ metadata }: StatefulSet, ordinal: number): string => `${metadata.name}-${ordinal}`;
export const claimName = ({ metadata }: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string =>
  `${template.metadata.name}-${metadata.name}-${ordinal}`;

/** The number at the end of a pod's name; undefined if the name is not one that this set gives. */
export function ordinalOf(set: StatefulSet, name: string): number | undefined {
  const match = /^(.*)-(0|[1-9]\d*)$/.exec(name);
  return match?.[1] === set.metadata.name ? Number(match[2]) : undefined;
}

/** Within the ordinals that the set asks for. */
export function isWanted(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set);
}

/** A pod with its name, host name, claims and revision. */
export function podFor(
  set: StatefulSet,
  ordinal: number,
  revision: { readonly name: string; readonly template: PodTemplateSpec },
): Draft<Pod> {
  const draft = podFromTemplate(StatefulSet, set, revision.template, podName(set, ordinal));
  return {
    ...draft,
    metadata: {
      ...draft.metadata,
      labels: { ...draft.metadata.labels, ...labelsOf(set, ordinal), [revisionLabel]: revision.name },
    },
    spec: {
      ...draft.spec,
      hostname: podName(set, ordinal),
      ...(set.spec.serviceName ? { subdomain: set.spec.serviceName } : {}),
      volumes: volumesOf(set, ordinal, draft.spec.volumes ?? []),
    },
  };
}

function labelsOf(set: StatefulSet, ordinal: number): Readonly<Record<string, string>> {
  return { [podNameLabel]: podName(set, ordinal), [podIndexLabel]: `${ordinal}` };
}

// A claim of the template's name replaces a volume of that name.
function volumesOf(set: StatefulSet, ordinal: number, volumes: readonly Volume[]): readonly Volume[] {
  const claims = (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  return [...claims, ...volumes.filter(({ name }) => !claims.some((claim) => claim.name === name))];
}

/** The labels that a pod lacks to be known by its ordinal; undefined when it has them all. */
export function missingLabels(
  set: StatefulSet,
  pod: Pod,
  ordinal: number,
): Readonly<Record<string, string>> | undefined {
  const labels = labelsOf(set, ordinal);
  const whole = Object.entries(labels).every(([name, value]) => pod.metadata.labels?.[name] === value);
  return whole ? undefined : labels;
}

/** The claim of a pod, as it is made. */
export function claimFor(
  set: StatefulSet,
  template: PersistentVolumeClaim,
  ordinal: number,
): Draft<PersistentVolumeClaim> {
  const labels = { ...template.metadata.labels, ...set.spec.selector?.matchLabels };
  const { annotations } = template.metadata;
  const ownerReferences = claimOwners(set, undefined, ordinal);
  return {
    metadata: {
      name: claimName(set, template, ordinal),
      namespace: set.metadata.namespace,
      labels,
      ...(annotations ? { annotations } : {}),
      ...(ownerReferences.length > 0 ? { ownerReferences } : {}),
    },
    spec: template.spec,
  };
}

/** Who shall own a claim, so that it goes with its set or with its pod, as the retention policy says. */
export function claimOwners(set: StatefulSet, pod: Pod | undefined, ordinal: number): readonly OwnerReference[] {
  const { whenDeleted = "Retain", whenScaled = "Retain" } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  if (whenScaled === "Delete" && !isWanted(set, ordinal)) return pod ? [controllerReference(Pod, pod)] : [];
  return whenDeleted === "Delete" ? [controllerReference(StatefulSet, set)] : [];
}

/** The owners of a claim with ours as they shall be; undefined when they are so already, or when somebody else controls it. */
export function mendedOwners(
  set: StatefulSet,
  pod: Pod,
  ordinal: number,
  claim: PersistentVolumeClaim,
): readonly OwnerReference[] | undefined {
  const known = claim.metadata.ownerReferences ?? [];
  const isOurs = ({ kind, name, uid }: OwnerReference) =>
    (kind === "StatefulSet" && uid === set.metadata.uid) || (kind === "Pod" && name === podName(set, ordinal));
  if (known.some((reference) => reference.controller && !isOurs(reference))) return undefined;
  const wanted = claimOwners(set, pod, ordinal);
  const ours = known.filter(isOurs);
  const same = ours.length === wanted.length && wanted.every(({ uid }) => ours.some((each) => each.uid === uid));
  return same ? undefined : [...known.filter((reference) => !isOurs(reference)), ...wanted];
}
