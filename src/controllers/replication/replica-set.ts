import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { Pod } from "../../api/core/pod.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { declared, defineController } from "../framework/controller.ts";
import { ageRatio, orphanWatch, type ReplicaKind, reconcileReplicas } from "./replicas.ts";

const replicaSets: ReplicaKind<ReplicaSet> = {
  kind: ReplicaSet,
  countsTerminating: true,
  replicasOf: ({ spec }) => spec.replicas ?? 1,
  minReadySecondsOf: ({ spec }) => spec.minReadySeconds ?? 0,
  templateOf: ({ spec }) => spec.template,
  matches: ({ spec }, labels) => selectorOfObject(spec.selector).matches(labels),
  statusOf: ({ status }) => status,
  withStatus: (owner, status) => ({ ...owner, status }),
};

/** Creates or deletes Pods until each ReplicaSet has the number it asks for. */
export const replicaSetController = defineController({
  name: "replicaset",
  for: ReplicaSet,
  owns: [Pod],
  meters: declared(ageRatio),
  watches: [orphanWatch(replicaSets)],
  reconcile: (key, context) => reconcileReplicas(replicaSets, key, context),
});
