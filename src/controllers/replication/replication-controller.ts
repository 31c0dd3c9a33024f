import { Pod } from "../../api/core/pod.ts";
import { ReplicationController } from "../../api/core/replication-controller.ts";
import { defineController } from "../framework/controller.ts";
import { hasLabels } from "../framework/plain-selector.ts";
import { orphanWatch, type ReplicaKind, reconcileReplicas } from "./replicas.ts";

const replicationControllers: ReplicaKind<ReplicationController> = {
  kind: ReplicationController,
  countsTerminating: false,
  replicasOf: ({ spec }) => spec.replicas ?? 1,
  minReadySecondsOf: ({ spec }) => spec.minReadySeconds ?? 0,
  templateOf: ({ spec }) => spec.template,
  matches: ({ spec }, labels) => hasLabels(labels, spec.selector),
  statusOf: ({ status }) => status,
  withStatus: (owner, status) => ({ ...owner, status }),
};

/** Creates or deletes Pods until each ReplicationController has the number it asks for. */
export const replicationControllerController = defineController({
  name: "replication",
  eventSource: "replication-controller",
  for: ReplicationController,
  owns: [Pod],
  watches: [orphanWatch(replicationControllers)],
  reconcile: (key, context) => reconcileReplicas(replicationControllers, key, context),
});
