import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { printedAbsent } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { podColumns } from "./pod-columns.ts";
import { podDefaults } from "./pod-defaults.ts";
import { withLabelKeys } from "./pod-label-keys.ts";
import { isPodTerminal } from "./pod-state.ts";
import { qosClassOf } from "./qos.ts";
import { validatePodSpec } from "./validate-pod-spec.ts";
import { validatePodUpdate } from "./validate-pod-update.ts";

export type Pod = core.Pod;

const spec = path("spec");

/** Containers that share an address and volumes, placed on one node as a whole. */
export const Pod = defineKind<core.Pod>({
  type: "core/v1.Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: [
    "status",
    "binding",
    "eviction",
    "log",
    "exec",
    "attach",
    "portforward",
    "proxy",
    "ephemeralcontainers",
    "resize",
  ],
  defaults: podDefaults,
  prepareCreate: (pod) => {
    const made = withLabelKeys(pod);
    return { ...made, spec: withAccountNames(made.spec), status: initialStatus(made.spec) };
  },
  prepareStatus: (next, previous) => ({
    ...previous,
    metadata: { ...next.metadata, ownerReferences: previous.metadata.ownerReferences },
    status: { ...next.status, qosClass: next.status?.qosClass ?? qosClassOf(previous.spec) },
  }),
  validate: (pod) => [...validatePodSpec(pod.spec ?? { containers: [] }, spec), ...validateGatedNode(pod)],
  validateUpdate: validatePodUpdate,
  validateStatus: validateStatusChange,
  columns: podColumns,
  fields: {
    "spec.nodeName": ({ spec }) => spec.nodeName ?? "",
    "spec.restartPolicy": ({ spec }) => spec.restartPolicy ?? "",
    "spec.schedulerName": ({ spec }) => spec.schedulerName ?? "",
    "spec.serviceAccountName": ({ spec }) => spec.serviceAccountName ?? "",
    "spec.hostNetwork": ({ spec }) => String(spec.hostNetwork ?? false),
    "status.phase": ({ status }) => status?.phase ?? "",
    "status.podIP": ({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP ?? "",
    "status.nominatedNodeName": ({ status }) => status?.nominatedNodeName ?? "",
  },
  gracePeriod: (pod) => {
    if (!pod.spec.nodeName || isPodTerminal(pod)) return 0;
    const seconds = pod.spec.terminationGracePeriodSeconds ?? 30;
    return seconds < 0 ? 1 : seconds;
  },
});

/** Admission chooses the service account by its one name; old clients read the other. */
function withAccountNames(podSpec: core.PodSpec): core.PodSpec {
  const { serviceAccountName: name } = podSpec;
  return name && podSpec.serviceAccount !== name ? { ...podSpec, serviceAccount: name } : podSpec;
}

function initialStatus(podSpec: core.PodSpec): core.PodStatus {
  const gated = (podSpec.schedulingGates ?? []).length > 0;
  return {
    phase: "Pending",
    qosClass: qosClassOf(podSpec),
    ...(gated
      ? {
          conditions: [
            {
              type: "PodScheduled",
              status: "False",
              reason: "SchedulingGated",
              message: "Scheduling is blocked due to non-empty scheduling gates",
              lastProbeTime: printedAbsent,
              lastTransitionTime: printedAbsent,
            },
          ],
        }
      : {}),
  };
}

function validateGatedNode({ spec: { nodeName, schedulingGates = [] } }: core.Pod): Errors {
  if (!nodeName || schedulingGates.length === 0) return [];
  const detail = "cannot be set until all schedulingGates have been cleared";
  return [field.forbidden(spec.child("nodeName"), detail)];
}

/** A container that ended for good must not be said to run again. */
function validateStatusChange(next: core.Pod, previous: core.Pod): Errors {
  const errors: FieldError[] = [];
  const status = path("status");
  if (next.status?.qosClass !== undefined && previous.status?.qosClass !== undefined) {
    if (next.status.qosClass !== previous.status.qosClass) {
      errors.push(field.invalid(status.child("qosClass"), next.status.qosClass, "Pod QoS is immutable"));
    }
  }
  if (previous.spec.restartPolicy === "Always") return errors;
  for (const [index, container] of (next.status?.containerStatuses ?? []).entries()) {
    const before = previous.status?.containerStatuses?.find(({ name }) => name === container.name);
    const ended = before?.state?.terminated;
    const final = ended && (previous.spec.restartPolicy === "Never" || (ended.exitCode ?? 0) === 0);
    if (!final || container.state?.terminated) continue;
    const own = previous.spec.containers.find(({ name }) => name === container.name);
    if (own?.restartPolicy || own?.restartPolicyRules) continue;
    const at = status.child("containerStatuses").index(index).child("state");
    errors.push(field.forbidden(at, "may not be transitioned to non-terminated state"));
  }
  return errors;
}
