import { hostPorts, portsClash } from "../../api/core/host-ports.ts";
import { podSpecSelects, selectable } from "../../api/core/node-selection.ts";
import { tolerates } from "../../api/core/tolerations.ts";
import type { Node, Pod } from "../../api/generated/core-v1.ts";
import type { Refusal } from "../pods/node-room.ts";
import { isStatic } from "../static-pods/static-pod.ts";

const osLabel = "kubernetes.io/os";

/** Why a pod is for machines of another kind than this one; no other pod's end would help. */
export function unfit({ spec, metadata }: Pod, node: Node | undefined): Refusal | undefined {
  const wanted = metadata.labels?.[osLabel];
  if (wanted !== undefined && wanted !== "linux") {
    const message = `Failed to admit pod as the \`${osLabel}\` label doesn't match node label`;
    return { reason: "PodOSSelectorNodeLabelDoesNotMatch", message };
  }
  if (spec.os && spec.os.name !== "linux")
    return { reason: "PodOSNotSupported", message: "Failed to admit pod as the OS field doesn't match node OS" };
  const strict = spec.securityContext?.supplementalGroupsPolicy === "Strict";
  if (strict && !node?.status?.features?.supplementalGroupsPolicy) {
    const message = "SupplementalGroupsPolicy=Strict is not supported in this node";
    return { reason: "SupplementalGroupsPolicyNotSupported", message };
  }
  return undefined;
}

/**
 * What keeps a pod off a node besides missing room, in upstream's order and words. Static pods are there in spite of taints.
 * `others` are the node's pods.
 */
export function mismatches(pod: Pod, node: Node, others: readonly Pod[]): readonly Refusal[] {
  const { spec } = pod;
  const wanted = hostPorts(pod);
  const taken = wanted.length > 0 ? others.flatMap(hostPorts) : [];
  const tolerations = spec.tolerations ?? [];
  const untolerated = (node.spec.taints ?? []).some(
    (taint) => taint.effect === "NoExecute" && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
  return [
    ...failed(!podSpecSelects(spec, selectable(node)), "NodeAffinity", affinityText),
    ...failed(spec.nodeName !== node.metadata.name, "NodeName", "node(s) didn't match the requested node name"),
    ...failed(
      wanted.some((port) => taken.some((other) => portsClash(port, other))),
      "NodePorts",
      "node(s) didn't have free ports for the requested pod ports",
    ),
    ...failed(untolerated && !isStatic(pod), "TaintToleration", "node(s) had taints that the pod didn't tolerate"),
  ];
}

const affinityText = "node(s) didn't match Pod's node affinity/selector";

function failed(it: boolean, predicate: string, text: string): readonly Refusal[] {
  return it ? [{ reason: predicate, message: `Predicate ${predicate} failed: ${text}` }] : [];
}
