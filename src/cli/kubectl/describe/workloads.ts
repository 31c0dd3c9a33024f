import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "../../../api/generated/apps-v1.ts";
import type { PersistentVolumeClaim, Pod, ReplicationController } from "../../../api/generated/core-v1.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { isEqual } from "../../../machinery/equality.ts";
import { selectorOfLabels, selectorOfObject } from "../../../machinery/labels.ts";
import { storageClassOf } from "./claim.ts";
import { type DescribeContext, defineDescriber, listAll } from "./describer.ts";
import { controllerOf, controllerRow, type Described, labelRows, marks, nameRows, selectorText } from "./metadata.ts";
import { podTemplateText } from "./pod-template.ts";
import { amount, indent, pairs, row, type Text, timeText } from "./text.ts";

/** `2 Running / 0 Waiting / 0 Succeeded / 0 Failed`, of the pods that the owner is in charge of. */
async function podsText(owner: Described, selector: string, context: DescribeContext): Promise<string> {
  const { namespace = "", uid } = owner.metadata;
  const pods = await listAll<Pod>(context, { plural: "pods" }, namespace, { labelSelector: selector });
  const own = pods.filter((pod) => controllerOf(pod)?.uid === uid);
  const count = (phase: string) => own.filter(({ status }) => status?.phase === phase).length;
  return `${count("Running")} Running / ${count("Pending")} Waiting / ${count("Succeeded")} Succeeded / ${count("Failed")} Failed`;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

function conditionsText(conditions: readonly Condition[] = []): Text {
  return (
    conditions.length > 0 && [
      "Conditions:",
      "  Type\tStatus\tReason",
      "  ----\t------\t------",
      conditions.map(({ type, status, reason }) => `  ${type} \t${status}\t${reason ?? ""}`),
    ]
  );
}

/** `kubectl describe rc` */
export const replicationController = defineDescriber<ReplicationController>("v1", async (rc, context) => [
  nameRows(rc),
  row("Selector", pairs(rc.spec.selector)),
  marks(rc),
  row("Replicas", `${rc.status?.replicas ?? 0} current / ${rc.spec.replicas ?? 0} desired`),
  row("Pods Status", await podsText(rc, selectorOfLabels(rc.spec.selector).toString(), context)),
  podTemplateText(rc.spec.template ?? {}),
  conditionsText(rc.status?.conditions),
]);

/** `kubectl describe rs` */
export const replicaSet = defineDescriber<ReplicaSet>("v1", async (rs, context) => [
  nameRows(rs),
  row("Selector", selectorText(rs.spec.selector)),
  marks(rs),
  controllerRow(rs),
  row("Replicas", `${rs.status?.replicas ?? 0} current / ${rs.spec.replicas ?? 0} desired`),
  row(
    "Pods Status",
    await podsText(rs, selectorOfObject(rs.spec.selector).toString(), context).catch(
      (error: unknown) => `error in fetching pods: ${errorMessage(error)}`,
    ),
  ),
  podTemplateText(rs.spec.template ?? {}),
  conditionsText(rs.status?.conditions),
]);

/** `kubectl describe deployment` */
export const deployment = defineDescriber<Deployment>("v1", async (deployment, context) => {
  const { metadata, spec, status } = deployment;
  const { strategy } = spec;
  const counts = [
    `${spec.replicas ?? 0} desired`,
    `${status?.updatedReplicas ?? 0} updated`,
    `${status?.replicas ?? 0} total`,
    `${status?.availableReplicas ?? 0} available`,
    `${status?.unavailableReplicas ?? 0} unavailable`,
  ];
  const { maxUnavailable, maxSurge } = strategy?.rollingUpdate ?? {};
  return [
    nameRows(deployment),
    row("CreationTimestamp", timeText(metadata.creationTimestamp)),
    marks(deployment),
    row("Selector", selectorOfObject(spec.selector).toString()),
    row("Replicas", counts.join(" | ")),
    row("StrategyType", strategy?.type),
    row("MinReadySeconds", spec.minReadySeconds ?? 0),
    strategy?.rollingUpdate && row("RollingUpdateStrategy", `${maxUnavailable} max unavailable, ${maxSurge} max surge`),
    podTemplateText(spec.template),
    conditionsText(status?.conditions),
    await replicaSetRows(deployment, context),
  ];
});

const hashLabel = "pod-template-hash";

async function replicaSetRows(deployment: Deployment, context: DescribeContext): Promise<Text> {
  const { metadata, spec } = deployment;
  let all: readonly ReplicaSet[];
  try {
    const labelSelector = selectorOfObject(spec.selector).toString();
    all = await listAll(context, { group: "apps", plural: "replicasets" }, metadata.namespace, { labelSelector });
  } catch {
    return undefined;
  }
  const own = all
    .filter((rs) => controllerOf(rs)?.uid === metadata.uid)
    .toSorted((a, b) => ageOrder(a).localeCompare(ageOrder(b)));
  const plain = ({ spec }: Pick<ReplicaSet, "spec"> | Deployment) => {
    const { [hashLabel]: _, ...labels } = spec.template?.metadata?.labels ?? {};
    return { ...spec.template, metadata: { ...spec.template?.metadata, labels } };
  };
  const newest = own.find((rs) => isEqual(plain(rs), plain(deployment)));
  // Those of before, in the order in which the server lists them.
  const old = all.filter((rs) => own.includes(rs) && rs !== newest);
  if (own.length === 0) return undefined;
  return [row("OldReplicaSets", setsText(old)), row("NewReplicaSet", setsText(newest ? [newest] : []))];
}

const ageOrder = ({ metadata }: ReplicaSet) => `${metadata.creationTimestamp} ${metadata.name}`;

function setsText(sets: readonly ReplicaSet[]): string {
  const texts = sets.map(
    ({ metadata, spec, status }) =>
      `${metadata.name} (${status?.replicas ?? 0}/${spec.replicas ?? 0} replicas created)`,
  );
  return texts.join(", ") || "<none>";
}

/** `kubectl describe statefulset` */
export const statefulSet = defineDescriber<StatefulSet>("v1", async (set, context) => {
  const { metadata, spec, status } = set;
  const selector = selectorOfObject(spec.selector).toString();
  const { partition, maxUnavailable } = spec.updateStrategy?.rollingUpdate ?? {};
  return [
    nameRows(set),
    row("CreationTimestamp", timeText(metadata.creationTimestamp)),
    row("Selector", selector),
    marks(set),
    row("Replicas", `${spec.replicas ?? 0} desired | ${status?.replicas ?? 0} total`),
    row("Update Strategy", spec.updateStrategy?.type),
    partition !== undefined &&
      indent(1, row("Partition", partition), maxUnavailable !== undefined && row("MaxUnavailable", maxUnavailable)),
    row("Pods Status", await podsText(set, selector, context)),
    podTemplateText(spec.template),
    claimTemplatesText(spec.volumeClaimTemplates),
  ];
});

function claimTemplatesText(templates: readonly PersistentVolumeClaim[] = []): Text {
  if (templates.length === 0) return row("Volume Claims", "<none>");
  return [
    "Volume Claims:",
    templates.map(({ metadata, spec }) =>
      indent(
        1,
        row("Name", metadata.name),
        row("StorageClass", storageClassOf({ spec, annotations: metadata.annotations })),
        labelRows("Labels", metadata.labels),
        // Upstream tells these annotations as it tells labels.
        labelRows("Annotations", metadata.annotations),
        row("Capacity", spec.resources?.requests?.storage ? amount(spec.resources.requests.storage) : "<default>"),
        row("Access Modes", `[${(spec.accessModes ?? []).join(" ")}]`),
      ),
    ),
  ];
}

/** `kubectl describe daemonset` */
export const daemonSet = defineDescriber<DaemonSet>("v1", async (set, context) => {
  const { spec, status } = set;
  const selector = selectorOfObject(spec.selector).toString();
  return [
    nameRows(set),
    row("Selector", selector),
    row("Node-Selector", pairs(spec.template.spec?.nodeSelector)),
    marks(set),
    `Desired Number of Nodes Scheduled: ${status?.desiredNumberScheduled ?? 0}`,
    `Current Number of Nodes Scheduled: ${status?.currentNumberScheduled ?? 0}`,
    `Number of Nodes Scheduled with Up-to-date Pods: ${status?.updatedNumberScheduled ?? 0}`,
    `Number of Nodes Scheduled with Available Pods: ${status?.numberAvailable ?? 0}`,
    `Number of Nodes Misscheduled: ${status?.numberMisscheduled ?? 0}`,
    row("Pods Status", await podsText(set, selector, context)),
    podTemplateText(spec.template),
  ];
});
