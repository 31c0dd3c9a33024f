import { Namespace } from "../api/core/namespace.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import type { Informers } from "../client/client.ts";
import { isEqual } from "../machinery/equality.ts";
import type { ClusterChange, ClusterEvent } from "./framework/changes.ts";
import { ClusterState } from "./framework/cluster-state.ts";
import type { Nominations } from "./framework/nominations.ts";
import { podInfo } from "./framework/pod-info.ts";
import type { SchedulingQueue } from "./framework/queue.ts";
import { watchVolumes } from "./volume-feed.ts";

export interface ClusterFeedOptions {
  readonly informers: Informers;
  readonly cluster: ClusterState;
  readonly queue: SchedulingQueue;
  readonly nominations: Nominations;
  /** Whether pods of that `schedulerName` are ours. */
  readonly isOurs: (schedulerName: string | undefined) => boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Told what was taken note of, by upstream's names, and when that began. */
  readonly handled: (event: string, began: number) => void;
}

/** A cluster's state that asks namespaces' labels of the informers. */
export function openClusterState(informers: Informers): ClusterState {
  const namespaces = informers.of(Namespace);
  return new ClusterState((name) => namespaces.get({ name })?.metadata.labels);
}

const isFinished = ({ status }: Pod) => status?.phase === "Succeeded" || status?.phase === "Failed";

/** Keeps the scheduler's picture of nodes and pods, and its queue, as the API tells, until disposed. Informers must have synced. */
export function feedCluster(options: ClusterFeedOptions): Disposable {
  const { informers, cluster, queue, nominations, isOurs, now, handled } = options;
  const subscriptions = new DisposableStack();
  const tell = (change: ClusterChange) => queue.changed(change);

  /** A pod leaves the node where it counted. */
  const gone = (pod: Pod) => {
    const { uid } = pod.metadata;
    const node = cluster.placeOf(uid);
    cluster.removePod(uid);
    if (node === undefined) return;
    const place = cluster.node(node);
    tell({ event: "AssignedPod/delete", pod, ...(place ? { place, awaiting: nominations.on(node) } : {}) });
  };

  const nodeChanged = (node: Node, previousNode: Node) => {
    cluster.setNode(node);
    const event = (name: ClusterEvent) => tell({ event: name, node, previousNode });
    if (!isEqual(node.metadata.labels, previousNode.metadata.labels)) event("Node/labels");
    if (!isEqual(node.spec.taints, previousNode.spec.taints)) event("Node/taints");
    if (node.spec.unschedulable !== previousNode.spec.unschedulable) event("Node/unschedulable");
    if (!isEqual(node.status?.allocatable, previousNode.status?.allocatable)) event("Node/allocatable");
  };

  const placedChanged = (pod: Pod, previousPod: Pod | undefined) => {
    const { uid } = pod.metadata;
    queue.remove(uid);
    nominations.remove(uid);
    if (isFinished(pod)) {
      gone(pod);
      return;
    }
    const before = cluster.placeOf(uid) ? previousPod : undefined;
    cluster.setPod(pod);
    if (!previousPod?.spec.nodeName) {
      tell({ event: "AssignedPod/add", pod });
      return;
    }
    if (!isEqual(previousPod.metadata.labels, pod.metadata.labels))
      tell({ event: "AssignedPod/labels", pod, previousPod });
    if (before && podInfo(before).requests !== podInfo(pod).requests && !isEqual(requests(before), requests(pod)))
      tell({ event: "AssignedPod/resources", pod, previousPod: before });
  };
  const requests = (pod: Pod) => {
    const { cpu, memory, ephemeralStorage } = podInfo(pod).requests;
    return [cpu, memory, ephemeralStorage];
  };

  const pendingChanged = (pod: Pod, previous: Pod | undefined) => {
    const { uid, deletionTimestamp } = pod.metadata;
    if (isFinished(pod) || deletionTimestamp) {
      queue.remove(uid);
      nominations.remove(uid);
      return;
    }
    if (cluster.isAssumed(uid)) return;
    const hoped = pod.status?.nominatedNodeName;
    if (hoped) nominations.set(podInfo(pod), hoped);
    else if (previous?.status?.nominatedNodeName) nominations.remove(uid);
    if (previous && queue.has(uid)) queue.update(pod, previous);
    else if (!previous) queue.add(pod);
  };

  subscriptions.use(
    informers.of(Node).on({
      added: (node) => {
        const began = now();
        cluster.setNode(node);
        tell({ event: "Node/add", node });
        handled("NodeAdd", began);
      },
      updated: (node, previous) => {
        const began = now();
        nodeChanged(node, previous);
        handled("NodeUpdate", began);
      },
      deleted: ({ metadata }) => {
        const began = now();
        cluster.removeNode(metadata.name);
        handled("NodeDelete", began);
      },
    }),
  );
  const podChanged = (pod: Pod, previous: Pod | undefined) => {
    const began = now();
    if (pod.spec.nodeName) {
      placedChanged(pod, previous);
      handled(previous?.spec.nodeName ? "AssignedPodUpdate" : "AssignedPodAdd", began);
    } else if (isOurs(pod.spec.schedulerName)) {
      pendingChanged(pod, previous);
      handled(previous ? "UnschedulablePodUpdate" : "UnschedulablePodAdd", began);
    }
  };
  subscriptions.use(
    informers.of(Pod).on({
      added: (pod) => podChanged(pod, undefined),
      updated: podChanged,
      deleted: (pod) => {
        const began = now();
        const { uid } = pod.metadata;
        queue.remove(uid);
        nominations.remove(uid);
        gone(pod);
        handled(pod.spec.nodeName ? "AssignedPodDelete" : "UnschedulablePodDelete", began);
      },
    }),
  );
  subscriptions.use(
    informers.of(Namespace).on({
      updated: (next, previous) => {
        if (isEqual(next.metadata.labels, previous.metadata.labels)) return;
        cluster.index.namespacesChanged();
        tell({ event: "Namespace/labels", object: next });
      },
    }),
  );
  subscriptions.use(watchVolumes(informers, tell));
  return subscriptions;
}
