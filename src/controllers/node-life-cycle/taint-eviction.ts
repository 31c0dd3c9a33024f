import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { tolerates } from "../../api/core/tolerations.ts";
import type { Taint } from "../../api/generated/core-v1.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { type KindRef, type KubeObject, keyOf } from "../../machinery/object.ts";
import { declared, defineController, done, type ReconcileContext, watches } from "../framework/controller.ts";
import { evictPod } from "../framework/pod-disruption.ts";
import { untolerated } from "../framework/taints.ts";
import { nodeNameOf, podsByNode } from "./monitor.ts";

const evicting = (node: Node | undefined): readonly Taint[] =>
  node?.spec.taints?.filter(({ effect }) => effect === "NoExecute") ?? [];

/** When a pod must leave its tainted node, in milliseconds since the epoch; undefined if it may stay. */
export function leavesAt(pod: Pod, taints: readonly Taint[], now: number): number | undefined {
  if (taints.length === 0) return undefined;
  if (untolerated(taints, pod.spec.tolerations, ["NoExecute"]).length > 0) return now;
  const used = (pod.spec.tolerations ?? []).filter((toleration) =>
    taints.some((taint) => tolerates(toleration, taint)),
  );
  const seconds = used.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
  if (seconds.length === 0) return undefined;
  const patience = Math.min(...seconds);
  if (patience <= 0) return now;
  // From when both the taint and the pod were on the node. Read from the objects, so that a restart does not begin anew.
  const bound = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "True");
  const times = [
    pod.metadata.creationTimestamp,
    bound?.lastTransitionTime,
    ...taints.map(({ timeAdded }) => timeAdded),
  ];
  const since = Math.max(...times.flatMap((time) => (time ? [Date.parse(time)] : [])));
  return since + patience * 1000;
}

function evictionMetrics(metrics: Metrics) {
  return {
    deletions: metrics.counter(
      "taint_eviction_controller_pod_deletions_total",
      "Pods deleted because of their node's taints.",
    ),
    lateness: metrics.histogram(
      "taint_eviction_controller_pod_deletion_duration_seconds",
      "Seconds from when a pod had to go until it was deleted.",
      [],
      [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240],
    ),
  };
}

/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer. */
export function taintEvictionController() {
  /** Pods that somebody was told about, by uid: when they would have to leave. */
  const announced = new Map<string, Pod>();
  return defineController({
    name: "taint-eviction",
    serviceAccount: "taint-eviction-controller",
    eventSource: "taint-eviction-controller",
    for: Node,
    watches: [
      watches(Pod, (pod, previous, cache) => {
        const { nodeName } = pod.spec;
        const changed =
          !previous || previous.spec.nodeName !== nodeName || previous.spec.tolerations !== pod.spec.tolerations;
        return nodeName && changed && evicting(cache.get(Node, { name: nodeName })).length > 0
          ? [{ name: nodeName }]
          : [];
      }),
    ],
    indexes: [{ kind: Pod as unknown as KindRef<KubeObject>, name: podsByNode, of: nodeNameOf }],
    workers: 8,
    meters: declared(evictionMetrics),
    async reconcile({ name }, context) {
      const { cache, clock, events } = context;
      const taints = evicting(cache.get(Node, { name }));
      if (taints.length === 0 && announced.size === 0) return done;
      const waits: number[] = [];
      for (const pod of cache.informer(Pod).by(podsByNode, name)) {
        if (pod.metadata.deletionTimestamp) {
          announced.delete(pod.metadata.uid);
          continue;
        }
        const at = leavesAt(pod, taints, clock.now());
        if (at === undefined) {
          if (announced.delete(pod.metadata.uid))
            events.record(pod, "Normal", "TaintManagerEviction", text("Cancelling", pod));
        } else if (at > clock.now()) {
          announced.set(pod.metadata.uid, pod);
          waits.push(at - clock.now());
        } else {
          announced.delete(pod.metadata.uid);
          await evict(pod, at, context);
        }
      }
      for (const [uid, pod] of announced) if (!cache.get(Pod, keyOf(pod))) announced.delete(uid);
      return waits.length > 0 ? { requeueAfter: Math.min(...waits) } : done;
    },
  });
}

const text = (what: "Cancelling" | "Marking", { metadata: { namespace, name } }: Pod) =>
  what === "Marking"
    ? `Marking for deletion Pod ${namespace}/${name}`
    : `Cancelling deletion of Pod ${namespace}/${name}`;

async function evict(pod: Pod, due: number, { client, events, clock, metrics }: ReconcileContext): Promise<void> {
  events.record(pod, "Normal", "TaintManagerEviction", text("Marking", pod));
  await evictPod(client, pod, clock.now(), {
    reason: "DeletionByTaintManager",
    message: "Taint manager: deleting due to NoExecute taint",
  });
  const { deletions, lateness } = metrics.meter(evictionMetrics);
  deletions.inc();
  lateness.observe((clock.now() - due) / 1000);
}
