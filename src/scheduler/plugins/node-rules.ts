import type { Pod, Taint, Toleration } from "../../api/generated/core-v1.ts";
import { podInfo } from "../framework/cluster-state.ts";
import { definePlugin, fewerIsBetter, fits, ready, reject, skip } from "../framework/plugin.ts";
import { portsClash } from "../framework/requests.ts";

/** A taint is tolerated by a toleration of its key, effect and value; an empty key with Exists tolerates all. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator = toleration.operator ?? "Equal";
  if (!toleration.key && operator !== "Exists") return false;
  return operator === "Exists" || (toleration.value ?? "") === (taint.value ?? "");
}

const tolerated = (taint: Taint, pod: Pod) =>
  (pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint));

/** Keeps pods off nodes whose taints they do not tolerate. */
export const taintToleration = definePlugin({
  name: "TaintToleration",
  retryOn: ["Node/add", "Node/taints", "Pod/update"],
  filter(pod, { node }) {
    const taint = (node.spec.taints ?? []).find((each) => each.effect !== "PreferNoSchedule" && !tolerated(each, pod));
    if (!taint) return fits;
    // Evicting other pods cannot remove a taint. The text names no key or value, as upstream: the detail does.
    return reject("node(s) had untolerated taint(s)", { preemptionHelps: false, detail: taint });
  },
  score: (pod, { node }) =>
    (node.spec.taints ?? []).filter((taint) => taint.effect === "PreferNoSchedule" && !tolerated(taint, pod)).length,
  normalize: fewerIsBetter,
});

const unschedulableTaint: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Keeps pods off cordoned nodes, unless they tolerate that. */
export const nodeUnschedulable = definePlugin({
  name: "NodeUnschedulable",
  retryOn: ["Node/add", "Node/unschedulable", "Pod/update"],
  filter: (pod, { node }) =>
    node.spec.unschedulable && !tolerated(unschedulableTaint, pod)
      ? reject("node(s) were unschedulable", { preemptionHelps: false })
      : fits,
});

/** A pod that names its node goes there or nowhere. */
export const nodeName = definePlugin({
  name: "NodeName",
  retryOn: ["Node/add"],
  filter: (pod, node) =>
    pod.spec.nodeName && pod.spec.nodeName !== node.name
      ? reject("node(s) didn't match the requested node name", { preemptionHelps: false })
      : fits,
});

/** No two pods of a node have the same host port. */
export const nodePorts = definePlugin({
  name: "NodePorts",
  retryOn: ["Node/add", "AssignedPod/delete"],
  prepareFilter: (pod) => (podInfo(pod).ports.length === 0 ? skip : ready(undefined)),
  filter(pod, node) {
    const wanted = podInfo(pod).ports;
    for (const other of node.pods.values()) {
      if (other.ports.some((taken) => wanted.some((port) => portsClash(port, taken)))) {
        return reject("node(s) didn't have free ports for the requested pod ports");
      }
    }
    return fits;
  },
});

/** A pod with scheduling gates waits until they are taken away. */
export const schedulingGates = definePlugin({
  name: "SchedulingGates",
  retryOn: ["Pod/update"],
  preEnqueue(pod) {
    const gates = pod.spec.schedulingGates ?? [];
    if (gates.length === 0) return fits;
    return reject(`waiting for scheduling gates: [${gates.map(({ name }) => name).join(" ")}]`, {
      preemptionHelps: false,
    });
  },
});
