import type { FieldSpec } from "./field-path.ts";

/** The kinds with a pod template, and where it is. */
const templated: readonly Omit<FieldSpec, "path">[] = [
  { version: "v1", kind: "ReplicationController" },
  { kind: "Deployment" },
  { kind: "ReplicaSet" },
  { kind: "DaemonSet" },
];

const statefulSet = { group: "apps", kind: "StatefulSet" } as const;
const job = { group: "batch", kind: "Job" } as const;
const cronJob = { group: "batch", kind: "CronJob" } as const;

const create = true;

/** Labels of objects and of the templates within them. */
export const templateLabelFields: readonly FieldSpec[] = [
  { path: "metadata/labels", create },
  ...[...templated, statefulSet, job].map((kind) => ({ ...kind, path: "spec/template/metadata/labels", create })),
  { ...statefulSet, path: "spec/volumeClaimTemplates[]/metadata/labels", create },
  { ...cronJob, path: "spec/jobTemplate/metadata/labels", create },
  { ...cronJob, path: "spec/jobTemplate/spec/template/metadata/labels", create },
];

const affinityTerms = ["podAffinity", "podAntiAffinity"].flatMap((affinity) => [
  `${affinity}/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm`,
  `${affinity}/requiredDuringSchedulingIgnoredDuringExecution`,
]);

const spreads = [{ group: "apps", kind: "Deployment" }, statefulSet].flatMap((kind) => [
  ...affinityTerms.map((term) => ({ ...kind, path: `spec/template/spec/affinity/${term}/labelSelector/matchLabels` })),
  { ...kind, path: "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels" },
]);

const policy = { group: "networking.k8s.io", kind: "NetworkPolicy" } as const;

/** Labels wherever they are, those that selectors ask for among them. */
export const labelFields: readonly FieldSpec[] = [
  { path: "spec/selector", version: "v1", kind: "Service", create },
  { path: "spec/selector", version: "v1", kind: "ReplicationController", create },
  ...["Deployment", "ReplicaSet", "DaemonSet"].map((kind) => ({ path: "spec/selector/matchLabels", kind, create })),
  { ...statefulSet, path: "spec/selector/matchLabels", create },
  ...spreads,
  { ...job, path: "spec/selector/matchLabels" },
  { ...cronJob, path: "spec/jobTemplate/spec/selector/matchLabels" },
  { group: "policy", kind: "PodDisruptionBudget", path: "spec/selector/matchLabels" },
  { ...policy, path: "spec/podSelector/matchLabels" },
  { ...policy, path: "spec/ingress/from/podSelector/matchLabels" },
  { ...policy, path: "spec/egress/to/podSelector/matchLabels" },
  ...templateLabelFields,
];

/** Annotations of objects and of the templates within them. */
export const annotationFields: readonly FieldSpec[] = [
  { path: "metadata/annotations", create },
  ...[...templated, { kind: "StatefulSet" }, job].map((kind) => ({
    ...kind,
    path: "spec/template/metadata/annotations",
    create,
  })),
  { ...cronJob, path: "spec/jobTemplate/metadata/annotations", create },
  { ...cronJob, path: "spec/jobTemplate/spec/template/metadata/annotations", create },
];

/** Names of namespaces besides the one in every object's metadata. */
export const namespaceFields: readonly FieldSpec[] = [
  { path: "metadata/name", kind: "Namespace", create },
  { path: "spec/service/namespace", group: "apiregistration.k8s.io", kind: "APIService", create },
  {
    path: "spec/conversion/webhook/clientConfig/service/namespace",
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
  },
];

/** Images of containers. */
export const imageFields: readonly FieldSpec[] = ["spec", "spec/template/spec"].flatMap((spec) =>
  ["containers", "initContainers"].map((list) => ({ path: `${spec}/${list}[]/image`, create })),
);

/** How many pods of a kind there are to be. */
export const replicaFields: readonly FieldSpec[] = [
  "Deployment",
  "ReplicationController",
  "ReplicaSet",
  "StatefulSet",
].map((kind) => ({ path: "spec/replicas", kind, create }));

const podPaths: Readonly<Record<string, string>> = {
  CronJob: "spec/jobTemplate/spec/template/spec",
  DaemonSet: "spec/template/spec",
  Deployment: "spec/template/spec",
  Job: "spec/template/spec",
  Pod: "spec",
  ReplicaSet: "spec/template/spec",
  StatefulSet: "spec/template/spec",
};

/** Texts in which `$(NAME)` is replaced by what a var of the kustomization means. */
export const variableFields: readonly FieldSpec[] = [
  ...Object.entries(podPaths).flatMap(([kind, spec]) => [
    ...["containers", "initContainers"].flatMap((list) =>
      ["args", "command", "env/value", "volumeMounts/mountPath"].map((field) => ({
        path: `${spec}/${list}/${field}`,
        kind,
      })),
    ),
    // Upstream does not look at these two kinds' volumes.
    ...(["CronJob", "StatefulSet"].includes(kind) ? [] : [{ path: `${spec}/volumes/nfs/server`, kind }]),
  ]),
  { path: "spec/template/metadata/annotations", kind: "Deployment" },
  { path: "spec/rules/host", kind: "Ingress" },
  { path: "spec/tls/hosts", kind: "Ingress" },
  { path: "spec/tls/secretName", kind: "Ingress" },
  { path: "spec/ports/port", kind: "Service" },
  { path: "spec/ports/targetPort", kind: "Service" },
  { path: "spec/volumeClaimTemplates/spec/nfs/server", kind: "StatefulSet" },
  { path: "spec/nfs/server", kind: "PersistentVolume" },
  { path: "metadata/labels" },
  { path: "metadata/annotations" },
];
