import {
  withLeasesOnly,
  withoutAddedRules,
  withoutLending,
  withoutMeta,
  withoutReplacedRule,
} from "./bootstrap-differences.ts";
import { canonical } from "./compare.ts";
import { type Entry, type Outcome, placeholder } from "./recording.ts";

/** Where an entry stands. */
export interface Place {
  readonly area: string;
  readonly scenario: string;
  readonly step: number;
}

/**
 * A difference that is meant: what Kubernetes v1.35 says where 1.20 said something else. `recorded` turns an entry of the
 * recording into today's, `seen` takes from what we saw what 1.20 could not have; undefined leaves the entry out.
 */
export interface Difference {
  readonly reason: string;
  readonly at?: (place: Place) => boolean;
  readonly recorded?: (entry: Entry) => Entry | undefined;
  readonly seen?: (entry: Entry) => Entry | undefined;
}

export const differences: readonly Difference[] = [
  {
    reason: "ReplicaSets and Deployments count their terminating pods (beta and on since v1.35)",
    seen: of(["ReplicaSet", "Deployment"], (entry) => without(entry, "status", "terminatingReplicas")),
  },
  {
    reason: "StatefulSets count their available pods (since v1.22)",
    seen: of(["StatefulSet"], (entry) => without(entry, "status", "availableReplicas")),
  },
  {
    reason: "pods of StatefulSets carry their ordinal as a label (since v1.28)",
    seen: of(["Pod"], (entry) => without(entry, "labels", "apps.kubernetes.io/pod-index")),
  },
  {
    reason: "pods carry the zone of their node as a label (PodTopologyLabels, on since v1.35)",
    at: ({ area }) => area === "scheduler",
    seen: of(["Pod"], (entry) => without(entry, "labels", "topology.kubernetes.io/zone")),
  },
  {
    reason: "Jobs count ready and terminating pods and those not counted yet (since v1.24, v1.31)",
    seen: of(["Job"], (entry) => without(entry, "status", "ready", "terminating", "uncountedTerminatedPods")),
  },
  {
    reason:
      "a finished Job has the conditions SuccessCriteriaMet or FailureTarget before Complete or Failed (since v1.31)",
    seen: of(["Job"], (entry) =>
      withConditions(entry, ({ type }) => type !== "SuccessCriteriaMet" && type !== "FailureTarget"),
    ),
  },
  {
    reason: "the condition Complete says why (since v1.31)",
    seen: of(["Job"], (entry) =>
      withConditions(entry, (condition) =>
        condition.type === "Complete" && condition.reason === "CompletionsReached"
          ? { type: condition.type, status: condition.status }
          : condition,
      ),
    ),
  },
  {
    reason: "Job labels have a prefix of their own too (since v1.27)",
    seen: of(["Job", "Pod"], (entry) =>
      without(entry, "labels", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"),
    ),
  },
  {
    reason: "a Job's pods have a finalizer until they are counted (since v1.26)",
    seen: of(["Pod"], (entry) => {
      const { finalizers, ...rest } = entry;
      return canonical(finalizers) === '["batch.kubernetes.io/job-tracking"]' ? rest : entry;
    }),
  },
  {
    reason: "Jobs of a CronJob say when they were scheduled (since v1.28)",
    seen: of(["Job"], (entry) => without(entry, "annotations", "batch.kubernetes.io/cronjob-scheduled-timestamp")),
  },
  {
    reason: 'the event says from which number it scaled: "Scaled up replica set d-x from 1 to 3"',
    seen: ofEvents("ScalingReplicaSet", (text) => text.replace(/ from \d+ to (\d+)$/, " to $1")),
  },
  {
    reason: "FailedScheduling and the condition PodScheduled say what preemption could have done",
    seen: scheduling((text) => text.replace(/ preemption: .*$/s, "")),
  },
  {
    reason: "untolerated taints are counted without naming them (since v1.34)",
    recorded: scheduling((text) =>
      reworded(
        text.replace(/(\} *), that the pod didn't tolerate/g, "$1"),
        /had taint \{[^}]*\}$/,
        "had untolerated taint(s)",
      ),
    ),
  },
  {
    reason: "node affinity and the node selector are named together (since v1.22)",
    recorded: scheduling((text) => reworded(text, /match Pod's node affinity$/, "match Pod's node affinity/selector")),
  },
  {
    reason: "affinity between pods gives one reason for a node, no longer two (since v1.22)",
    recorded: scheduling((text) => reworded(text, /^node\(s\) didn't match pod affinity\/anti-affinity$/, undefined)),
  },
  {
    reason: "a refusal before any node is looked at has no count of nodes (since v1.25)",
    recorded: scheduling((text) =>
      text.replace(
        /: \d+ (persistentvolumeclaim "\w+" not found|pod has unbound immediate PersistentVolumeClaims)/,
        ": $1",
      ),
    ),
  },
  {
    reason: "a bound volume out of reach is told in other words (since v1.34)",
    recorded: scheduling((text) =>
      reworded(text, /had volume node affinity conflict$/, "didn't match PersistentVolume's node affinity"),
    ),
  },
  {
    reason:
      "the scheduler is woken by the uncordoning, before the taint of the cordon is taken off (queueing hints, since v1.34)",
    at: ({ scenario, step }) => scenario === "No nodes at all, then cordoned nodes only, then uncordoned" && step === 2,
    seen: (entry) =>
      entry.message === "0/1 nodes are available: 1 node(s) had untolerated taint(s)." ? undefined : entry,
  },
  {
    reason: "the first of several faults of an autoscaler's metrics is told with the metric's kind (since v1.26)",
    recorded: ofEvents("FailedComputeMetricsReplicas", (text) =>
      text.replace("first error is: failed", "first error is: failed to get cpu resource metric value: failed"),
    ),
  },
  {
    reason: "a victim is told the uid of the pod it goes for, not its name (since v1.29)",
    recorded: ofEvents("Preempted", (text) => text.replace(/by \S+ on/, `by pod ${placeholder("uid")} on`)),
  },
  {
    reason: "a failed pod of a StatefulSet is replaced without an event of its own (since v1.31)",
    recorded: (entry) => (entry.reason === "RecreatingFailedPod" ? undefined : entry),
  },
  {
    reason: "taint eviction is a controller by itself (since v1.29)",
    recorded: (entry) => (entry.from === "taint-controller" ? { ...entry, from: "taint-eviction-controller" } : entry),
  },
  {
    reason: "a pod that is deleted before it ended counts as failed in its Job (since v1.26)",
    at: ({ scenario, step }) =>
      scenario === "A deleted pod of a Job is replaced; a deleted Job takes its pods with it" && step === 1,
    seen: of(["Job"], (entry) => without(entry, "status", "failed")),
  },
  {
    reason: "which node a DaemonSet's rolling update begins with is chance",
    at: ({ scenario }) => scenario === "A rolling update with maxUnavailable 1 stops while a new pod is not ready",
    recorded: ofEvents("Scheduled", (text) => text.replace(/ to n\d$/, " to a node")),
    seen: ofEvents("Scheduled", (text) => text.replace(/ to n\d$/, " to a node")),
  },
  {
    reason: "ages within the same power of two are equal, and the uid decides (LogarithmicScaleDown, since v1.22)",
    at: ({ scenario, step }) =>
      scenario === "Scale down order: unassigned, pending, not ready, then by restarts and age" && step >= 4,
    recorded: oneOfReady,
    seen: oneOfReady,
  },
  {
    reason: "Endpoints name their controller in a label (since v1.33)",
    seen: of(["Endpoints"], (entry) => without(entry, "labels", "endpoints.kubernetes.io/managed-by")),
  },
  {
    reason: "failed pods are no addresses of a Service at all (since v1.22)",
    at: ({ scenario, step }) => scenario === "Ready and not ready addresses" && step >= 3,
    recorded: withoutFailedPod,
  },
  {
    reason: "an address that is not ready is mirrored as not ready (1.20 mixed them up)",
    at: ({ scenario }) =>
      scenario === "Endpoints written by hand for a service without selector are mirrored into a slice",
    recorded: of(["EndpointSlice"], (entry) => ({
      ...entry,
      endpoints: (entry.endpoints as readonly Entry[]).map((endpoint) =>
        canonical(endpoint.addresses) === '["10.1.2.5"]' ? { ...endpoint, conditions: { ready: false } } : endpoint,
      ),
    })),
  },
  {
    reason: "a headless Service has slices of the families it asks for only (dual stack, since v1.23)",
    recorded: (entry) => (entry.kind === "EndpointSlice" && entry.addressType === "IPv6" ? undefined : entry),
  },
  {
    reason: "the ConfigMap of the root certificate says what it is for (since v1.21)",
    seen: (entry) =>
      entry.kind === "ConfigMap" && entry.name === "kube-root-ca.crt"
        ? without(entry, "annotations", "kubernetes.io/description")
        : entry,
  },
  {
    reason: "namespaces carry their name as a label (since v1.21)",
    seen: of(["Namespace"], (entry) => without(entry, "labels", "kubernetes.io/metadata.name")),
  },
  {
    reason: "claims name their provisioner in a second annotation (since v1.23)",
    seen: of(["PersistentVolumeClaim"], (entry) =>
      without(entry, "annotations", "volume.kubernetes.io/storage-provisioner"),
    ),
  },
  {
    reason: "a claim that waits for an external provisioner says so in other words (since v1.26)",
    recorded: ofEvents(
      "ExternalProvisioning",
      () =>
        "Waiting for a volume to be created either by the external provisioner 'example.com/disk' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
    ),
  },
  {
    reason: "roles were given rules after 1.20, listed one by one in bootstrap-differences.ts",
    at: ({ area }) => area === "bootstrap",
    seen: of(["ClusterRole"], withoutAddedRules),
    recorded: of(["ClusterRole"], withoutReplacedRule),
  },
  {
    reason: "namespaces carry their name as a label (since v1.21)",
    at: ({ area }) => area === "bootstrap",
    seen: of(["Namespace"], (entry) => withoutMeta(entry, "labels", "kubernetes.io/metadata.name")),
  },
  {
    reason: "the ConfigMap of the root certificate says what it is for (since v1.21)",
    at: ({ area }) => area === "bootstrap",
    seen: of(["ConfigMap"], (entry) => withoutMeta(entry, "annotations", "kubernetes.io/description")),
  },
  {
    reason: "flow control's own objects say that the server keeps them up to date (since v1.22)",
    at: ({ area }) => area === "bootstrap",
    seen: of(["FlowSchema", "PriorityLevelConfiguration"], (entry) =>
      withoutMeta(entry, "annotations", "apf.kubernetes.io/autoupdate-spec"),
    ),
  },
  {
    reason: "priority levels lend to each other, and their shares have another name (since v1.26)",
    at: ({ area }) => area === "bootstrap",
    seen: of(["PriorityLevelConfiguration"], withoutLending),
  },
  {
    reason: "proxies may tell a user's uid too (since v1.33)",
    at: ({ scenario }) => scenario === "ConfigMap kube-system/extension-apiserver-authentication",
    seen: (entry) => without(entry, "data", "requestheader-uid-headers"),
  },
  {
    reason: "leaders are elected with leases only (since v1.24)",
    at: ({ scenario }) => /^FlowSchema (system|workload)-leader-election$/.test(scenario),
    recorded: withLeasesOnly,
  },
  {
    reason: "Services say which families they have and how traffic stays inside (dual stack, since v1.23)",
    at: ({ scenario }) => scenario === "Service default/kubernetes",
    seen: (entry) => without(entry, "spec", "internalTrafficPolicy", "ipFamilyPolicy", "ipFamilies"),
  },
  {
    reason: "beta versions that Kubernetes v1.35 no longer serves stand in an order of their own",
    at: ({ scenario }) => /^APIService v\dbeta\d\./.test(scenario),
    recorded: (entry) => without(entry, "spec", "versionPriority", "groupPriorityMinimum"),
    seen: (entry) => without(entry, "spec", "versionPriority", "groupPriorityMinimum"),
  },
];

/** Applies every declared difference to one side. */
export function apply<T extends Outcome>(outcome: T, side: "recorded" | "seen", place: Place): T {
  const here = differences.filter((difference) => !difference.at || difference.at(place));
  const rewrite = (entry: Entry): readonly Entry[] => {
    let now: Entry | undefined = entry;
    for (const difference of here) {
      const change = difference[side];
      if (now && change) now = change(now);
    }
    return now ? [now] : [];
  };
  return {
    ...outcome,
    objects: outcome.objects.flatMap(rewrite),
    events: outcome.events.flatMap(rewrite),
    ...(outcome.answers ? { answers: outcome.answers.flatMap(rewrite) } : {}),
  };
}

function record(value: unknown): Entry | undefined {
  return typeof value === "object" && value !== null ? (value as Entry) : undefined;
}

function of(kinds: readonly string[], change: (entry: Entry) => Entry | undefined) {
  return (entry: Entry) => (kinds.includes(String(entry.kind)) ? change(entry) : entry);
}

/** Without some fields of one of its parts; a map of labels or annotations that gets empty goes too. */
function without(entry: Entry, part: string, ...fields: readonly string[]): Entry {
  if (!(part in entry)) return entry;
  const { [part]: before, ...others } = entry;
  const kept = Object.entries(record(before) ?? {}).filter(([name]) => !fields.includes(name));
  return kept.length > 0 || part === "status" ? { ...others, [part]: Object.fromEntries(kept) } : others;
}

/** Leaves out conditions of the status, or changes them. */
function withConditions(entry: Entry, change: (condition: Entry) => Entry | boolean): Entry {
  const status = record(entry.status) ?? {};
  if (!Array.isArray(status.conditions)) return entry;
  const conditions = status.conditions.flatMap((condition: Entry) => {
    const next = change(condition);
    return next === true ? [condition] : next === false ? [] : [next];
  });
  const { conditions: _, ...rest } = status;
  return { ...entry, status: conditions.length > 0 ? { ...rest, conditions } : rest };
}

function ofEvents(reason: string, text: (message: string) => string) {
  return (entry: Entry) => (entry.reason === reason ? { ...entry, message: text(String(entry.message)) } : entry);
}

/** Changes what the scheduler says, in its events and in the condition of the pod. */
function scheduling(text: (message: string) => string) {
  return (entry: Entry): Entry => {
    if (entry.reason === "FailedScheduling") return { ...entry, message: text(String(entry.message)) };
    const unscheduled = record(entry.unscheduled);
    return unscheduled
      ? { ...entry, unscheduled: { ...unscheduled, message: text(String(unscheduled.message)) } }
      : entry;
  };
}

/**
 * Rewords a reason for which nodes were refused, or leaves it out; equal reasons are counted together, and all are in
 * the order of their texts again.
 */
function reworded(message: string, reason: RegExp, now: string | undefined): string {
  const [, head = "", list] = /^(\d+\/\d+ nodes are available: )(.*)\.$/s.exec(message) ?? [];
  if (list === undefined) return message;
  const counts = new Map<string, number>();
  for (const part of list.split(", ")) {
    const [, count = "", text = ""] = /^(\d+) (.*)$/s.exec(part) ?? [];
    if (text === "") return message;
    if (now === undefined && reason.test(text)) continue;
    const next = text.replace(reason, now ?? "");
    counts.set(next, (counts.get(next) ?? 0) + Number(count));
  }
  return `${head}${[...counts]
    .map(([text, count]) => `${count} ${text}`)
    .sort()
    .join(", ")}.`;
}

/** Which of the pods that are ready is left, and which goes, is not compared. */
function oneOfReady(entry: Entry): Entry {
  const ready = /^p-(restarted|old|young)$/;
  if (entry.kind === "Pod" && ready.test(String(entry.name))) return { ...entry, name: "p-ready" };
  if (entry.reason !== "SuccessfulDelete") return entry;
  return { ...entry, message: String(entry.message).replace(/p-(restarted|old|young)$/, "p-ready") };
}

function withoutFailedPod(entry: Entry): Entry {
  const others = (list: unknown) => (list as readonly Entry[]).filter(({ target }) => target !== "Pod/b");
  if (entry.kind === "EndpointSlice") {
    const endpoints = others(entry.endpoints);
    return { ...entry, endpoints, ports: endpoints.length > 0 ? entry.ports : null };
  }
  if (entry.kind !== "Endpoints") return entry;
  const subsets = (entry.subsets as readonly Entry[])
    .map((subset) => ({ ...subset, notReadyAddresses: others(subset.notReadyAddresses) }))
    .filter(({ notReadyAddresses, ...subset }) => {
      const { addresses } = subset as { readonly addresses?: readonly Entry[] };
      return notReadyAddresses.length + (addresses?.length ?? 0) > 0;
    });
  return { ...entry, subsets };
}
