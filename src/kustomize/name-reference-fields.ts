import type { FieldSpec } from "./field-path.ts";

/** The kind that is named, and the fields that name it. */
export interface NameReference {
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly fields: readonly FieldSpec[];
}

const template = "spec/template/spec";
const podSpecs: Readonly<Record<string, string>> = {
  Pod: "spec",
  PodTemplate: "template/spec",
  Deployment: template,
  ReplicaSet: template,
  DaemonSet: template,
  StatefulSet: template,
  Job: template,
  CronJob: "spec/jobTemplate/spec/template/spec",
};

const inPods = (...paths: readonly string[]): readonly FieldSpec[] =>
  Object.entries(podSpecs).flatMap(([kind, spec]) =>
    paths.map((path) => ({
      kind,
      path: `${spec}/${path}`,
      ...(kind === "Pod" ? { version: "v1" } : {}),
    })),
  );

/** The kinds whose pods' other names are followed: the list of these is another one upstream. */
const otherSpecs: Readonly<Record<string, string>> = {
  Pod: "spec",
  StatefulSet: template,
  Deployment: template,
  ReplicationController: template,
  CronJob: "spec/jobTemplate/spec/template/spec",
  Job: template,
  DaemonSet: template,
};

const inOtherPods = (path: string): readonly FieldSpec[] =>
  Object.entries(otherSpecs).map(([kind, spec]) => ({ kind, path: `${spec}/${path}` }));

const inRules: readonly FieldSpec[] = ["Role", "ClusterRole"].map((kind) => ({ kind, path: "rules/resourceNames" }));
const inAnnotations = (...names: readonly string[]): readonly FieldSpec[] =>
  names.map((name) => ({ kind: "Ingress", path: `metadata/annotations/${name.replaceAll("/", "\\/")}` }));

const rbac = "rbac.authorization.k8s.io";
const admission = "admissionregistration.k8s.io";

/** Every field of a built-in kind that holds the name of another object. */
export const nameReferences: readonly NameReference[] = [
  ...["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"].map((kind) => ({
    kind,
    fields: [{ kind: "HorizontalPodAutoscaler", path: "spec/scaleTargetRef/name" }],
  })),
  {
    kind: "ConfigMap",
    version: "v1",
    fields: [
      ...inPods(
        "volumes/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
        "volumes/projected/sources/configMap/name",
      ),
      { kind: "Node", path: "spec/configSource/configMap" },
      ...inRules,
      ...inAnnotations("nginx.ingress.kubernetes.io/fastcgi-params-configmap"),
    ],
  },
  {
    kind: "Secret",
    version: "v1",
    fields: [
      ...inPods(
        "volumes/secret/secretName",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
      ),
      { kind: "Ingress", path: "spec/tls/secretName" },
      ...inAnnotations(
        "ingress.kubernetes.io/auth-secret",
        "nginx.ingress.kubernetes.io/auth-secret",
        "nginx.ingress.kubernetes.io/auth-tls-secret",
      ),
      { kind: "ServiceAccount", path: "imagePullSecrets/name" },
      ...["secretName", "adminSecretName", "userSecretName", "secretRef"].map((name) => ({
        kind: "StorageClass",
        path: `parameters/${name}`,
      })),
      ...inRules,
      {
        group: "serving.knative.dev",
        version: "v1",
        kind: "Service",
        path: `${template}/containers/env/valueFrom/secretKeyRef/name`,
      },
      { kind: "PersistentVolume", path: "spec/azureFile/secretName" },
    ],
  },
  {
    kind: "Service",
    version: "v1",
    fields: [
      { group: "apps", kind: "StatefulSet", path: "spec/serviceName" },
      ...[
        "spec/rules/http/paths/backend/serviceName",
        "spec/backend/serviceName",
        "spec/rules/http/paths/backend/service/name",
        "spec/defaultBackend/service/name",
      ].map((path) => ({ kind: "Ingress", path })),
      { group: "apiregistration.k8s.io", kind: "APIService", path: "spec/service/name" },
      { group: admission, kind: "ValidatingWebhookConfiguration", path: "webhooks/clientConfig/service" },
      { group: admission, kind: "MutatingWebhookConfiguration", path: "webhooks/clientConfig/service" },
    ],
  },
  { group: rbac, kind: "Role", fields: [{ group: rbac, kind: "RoleBinding", path: "roleRef/name" }] },
  {
    group: rbac,
    kind: "ClusterRole",
    fields: ["RoleBinding", "ClusterRoleBinding"].map((kind) => ({ group: rbac, kind, path: "roleRef/name" })),
  },
  {
    kind: "ServiceAccount",
    version: "v1",
    fields: [
      ...["RoleBinding", "ClusterRoleBinding"].map((kind) => ({ group: rbac, kind, path: "subjects" })),
      ...inOtherPods("serviceAccountName"),
    ],
  },
  { kind: "PersistentVolumeClaim", version: "v1", fields: inOtherPods("volumes/persistentVolumeClaim/claimName") },
  {
    kind: "PersistentVolume",
    version: "v1",
    fields: [
      { kind: "PersistentVolumeClaim", path: "spec/volumeName" },
      { kind: "ClusterRole", path: "rules/resourceNames" },
    ],
  },
  {
    group: "storage.k8s.io",
    version: "v1",
    kind: "StorageClass",
    fields: [
      { kind: "PersistentVolume", path: "spec/storageClassName" },
      { kind: "PersistentVolumeClaim", path: "spec/storageClassName" },
      { kind: "StatefulSet", path: "spec/volumeClaimTemplates/spec/storageClassName" },
    ],
  },
  {
    group: "scheduling.k8s.io",
    version: "v1",
    kind: "PriorityClass",
    fields: inOtherPods("priorityClassName"),
  },
  {
    group: admission,
    kind: "ValidatingAdmissionPolicy",
    fields: [{ group: admission, kind: "ValidatingAdmissionPolicyBinding", path: "spec/policyName" }],
  },
];
