import type { DaemonSet } from "../../api/apps/daemon-set.ts";
import type { Node } from "../../api/core/node.ts";
import { podSpecSelects, selectable } from "../../api/core/node-selection.ts";
import type { Pod } from "../../api/core/pod.ts";
import type { Affinity, PodSpec, PodTemplateSpec, Toleration } from "../../api/generated/core-v1.ts";
import { untolerated } from "../framework/taints.ts";

export const revisionLabel = "controller-revision-hash";
const generationLabel = "pod-template-generation";
const generationAnnotation = "deprecated.daemonset.template.generation";

/** Daemons run where others may not: on nodes that are not ready, under pressure or cordoned. */
function daemonTolerations({ tolerations = [], hostNetwork }: PodSpec): readonly Toleration[] {
  const wanted: readonly (readonly [string, "NoExecute" | "NoSchedule"])[] = [
    ["node.kubernetes.io/not-ready", "NoExecute"],
    ["node.kubernetes.io/unreachable", "NoExecute"],
    ["node.kubernetes.io/disk-pressure", "NoSchedule"],
    ["node.kubernetes.io/memory-pressure", "NoSchedule"],
    ["node.kubernetes.io/pid-pressure", "NoSchedule"],
    ["node.kubernetes.io/unschedulable", "NoSchedule"],
    ...(hostNetwork ? ([["node.kubernetes.io/network-unavailable", "NoSchedule"]] as const) : []),
  ];
  const missing = wanted.filter(
    ([key, effect]) =>
      !tolerations.some((each) => each.key === key && each.effect === effect && each.operator === "Exists"),
  );
  return [...tolerations, ...missing.map(([key, effect]) => ({ key, operator: "Exists" as const, effect }))];
}

/** The template of a daemon set's pods, marked with its revision. */
export function daemonTemplate(set: DaemonSet, hash: string): PodTemplateSpec {
  const { template } = set.spec;
  const generation = set.metadata.annotations?.[generationAnnotation];
  const spec = template.spec ?? { containers: [] };
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: {
        ...template.metadata?.labels,
        ...(generation ? { [generationLabel]: generation } : {}),
        [revisionLabel]: hash,
      },
    },
    spec: { ...spec, tolerations: daemonTolerations(spec) },
  };
}

/** The same template for one node: the scheduler binds the pod there and nowhere else. */
export function templateFor(template: PodTemplateSpec, nodeName: string): PodTemplateSpec {
  const { spec = { containers: [] } } = template;
  const term = { matchFields: [{ key: "metadata.name", operator: "In" as const, values: [nodeName] }] };
  const affinity: Affinity = {
    ...spec.affinity,
    nodeAffinity: {
      ...spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
    },
  };
  return { ...template, spec: { ...spec, affinity } };
}

/** The node that a daemon pod is on or meant for. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    const field = matchFields.find(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (field?.values?.length === 1) return field.values[0];
  }
  return undefined;
}

/** Whether a set's pod may begin on a node, and whether one that is there may stay. */
export function placementOn(set: DaemonSet, node: Node): { readonly begins: boolean; readonly stays: boolean } {
  const { spec = { containers: [] } } = set.spec.template;
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return { begins: false, stays: false };
  if (!podSpecSelects(spec, selectable(node))) return { begins: false, stays: false };
  const tolerations = daemonTolerations(spec);
  const stays = untolerated(node.spec.taints, tolerations, ["NoExecute"]).length === 0;
  return { begins: stays && untolerated(node.spec.taints, tolerations, ["NoSchedule"]).length === 0, stays };
}
