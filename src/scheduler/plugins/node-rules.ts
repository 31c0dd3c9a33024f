import { type HostPort, hostPorts, portsClash } from "../../api/core/host-ports.ts";
import { tolerates } from "../../api/core/tolerations.ts";
import type { Pod, Taint } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import { definePlugin, fewerIsBetter, fits, ready, reject, skip } from "../framework/plugin.ts";
import { podInfo } from "../framework/pod-info.ts";

const noTaints: readonly Taint[] = [];

function tolerated(taint: Taint, { spec }: Pod): boolean {
  for (const toleration of spec.tolerations ?? []) if (tolerates(toleration, taint)) return true;
  return false;
}

/** The first taint that keeps a pod away. */
export function untolerated(taints: readonly Taint[] | undefined, pod: Pod): Taint | undefined {
  for (const taint of taints ?? noTaints)
    if (taint.effect !== "PreferNoSchedule" && !tolerated(taint, pod)) return taint;
  return undefined;
}

const newTolerations = (pod: Pod, previous: Pod | undefined) =>
  !isEqual(pod.spec.tolerations, previous?.spec.tolerations);

const tolerationsKey = ({ spec }: Pod) => (spec.tolerations?.length ? JSON.stringify(spec.tolerations) : "");

const tainted = new WeakMap<Taint, ReturnType<typeof reject>>();

const reluctant = new WeakMap<ClusterState, { readonly generation: number; readonly any: boolean }>();

/** Whether any node would rather not have some pods: mostly none, and then all are alike. */
function anyReluctant(cluster: ClusterState): boolean {
  const known = reluctant.get(cluster);
  if (known?.generation === cluster.nodesGeneration) return known.any;
  const any = cluster.nodes.some(({ node }) => node.spec.taints?.some(({ effect }) => effect === "PreferNoSchedule"));
  reluctant.set(cluster, { generation: cluster.nodesGeneration, any });
  return any;
}

/** Keeps pods off nodes whose taints they do not tolerate, and away from those that would rather not have them. */
export const taintToleration = definePlugin({
  name: "TaintToleration",
  retryOn: [
    { on: "Node/add", helps: (pod, { node }) => !untolerated(node?.spec.taints, pod) },
    { on: "Node/taints", helps: (pod, { node }) => !untolerated(node?.spec.taints, pod) },
    { on: "Pod/update", helps: (pod, { previousPod }) => newTolerations(pod, previousPod) },
  ],
  staticKey: tolerationsKey,
  filter(pod, { node }) {
    const taint = untolerated(node.spec.taints, pod);
    if (!taint) return fits;
    let rejection = tainted.get(taint);
    if (!rejection) {
      // Evicting other pods cannot remove a taint. The text names no key or value, as upstream: the detail does.
      rejection = reject("node(s) had untolerated taint(s)", { preemptionHelps: false, detail: taint });
      tainted.set(taint, rejection);
    }
    return rejection;
  },
  prepareScore: (_pod, cluster) => (anyReluctant(cluster) ? ready(undefined) : skip),
  score(pod, { node }) {
    let count = 0;
    for (const taint of node.spec.taints ?? noTaints)
      if (taint.effect === "PreferNoSchedule" && !tolerated(taint, pod)) count += 1;
    return count;
  },
  normalize: fewerIsBetter,
});

const unschedulableTaint: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
const cordoned = reject("node(s) were unschedulable", { preemptionHelps: false });

/** Keeps pods off cordoned nodes, unless they tolerate that. */
export const nodeUnschedulable = definePlugin({
  name: "NodeUnschedulable",
  retryOn: [
    { on: "Node/add", helps: (_pod, { node }) => !node?.spec.unschedulable },
    { on: "Node/unschedulable", helps: (_pod, { node }) => !node?.spec.unschedulable },
    { on: "Pod/update", helps: (pod, { previousPod }) => newTolerations(pod, previousPod) },
  ],
  staticKey: tolerationsKey,
  filter: (pod, { node }) => (node.spec.unschedulable && !tolerated(unschedulableTaint, pod) ? cordoned : fits),
});

const otherNode = reject("node(s) didn't match the requested node name", { preemptionHelps: false });

/** A pod that names its node goes there or nowhere. */
export const nodeName = definePlugin({
  name: "NodeName",
  retryOn: [
    { on: "Node/add", helps: (pod, { node }) => !pod.spec.nodeName || pod.spec.nodeName === node?.metadata.name },
  ],
  staticKey: ({ spec }) => spec.nodeName ?? "",
  filter: ({ spec }, { name }) => (spec.nodeName && spec.nodeName !== name ? otherNode : fits),
});

const portsTaken = reject("node(s) didn't have free ports for the requested pod ports");

/** No two pods of a node have the same host port. */
export const nodePorts = definePlugin<readonly HostPort[]>({
  name: "NodePorts",
  retryOn: [
    "Node/add",
    {
      on: "AssignedPod/delete",
      helps: (pod, { pod: gone }) =>
        gone === undefined || hostPorts(gone).some((one) => hostPorts(pod).some((two) => portsClash(one, two))),
    },
  ],
  stateHolds: true,
  nodeKey: (pod) => JSON.stringify(podInfo(pod).ports),
  prepareFilter(pod) {
    const { ports } = podInfo(pod);
    return ports.length === 0 ? skip : ready(ports);
  },
  filter(_pod, node, wanted) {
    for (const { ports } of node.pods.values()) {
      if (ports.length > 0 && ports.some((taken) => wanted.some((port) => portsClash(port, taken)))) return portsTaken;
    }
    return fits;
  },
});

/** A pod with scheduling gates waits until they are taken away. */
export const schedulingGates = definePlugin({
  name: "SchedulingGates",
  retryOn: ["Pod/update"],
  preEnqueue({ spec }) {
    const gates = spec.schedulingGates ?? [];
    if (gates.length === 0) return fits;
    return reject(`waiting for scheduling gates: [${gates.map(({ name }) => name).join(" ")}]`, {
      preemptionHelps: false,
    });
  },
});
