import type { Describer } from "./describer.ts";

/** Describers by group and kind; a file is loaded when one of its kinds is described. */
const kinds: Readonly<Record<string, () => Promise<Describer>>> = {
  "/Pod": async () => (await import("./pod.ts")).pod,
  "/ReplicationController": async () => (await import("./workloads.ts")).replicationController,
  "apps/ReplicaSet": async () => (await import("./workloads.ts")).replicaSet,
  "apps/Deployment": async () => (await import("./workloads.ts")).deployment,
  "apps/StatefulSet": async () => (await import("./workloads.ts")).statefulSet,
  "apps/DaemonSet": async () => (await import("./workloads.ts")).daemonSet,
  "batch/Job": async () => (await import("./jobs.ts")).job,
  "batch/CronJob": async () => (await import("./jobs.ts")).cronJob,
  "/Service": async () => (await import("./services.ts")).service,
  "/Endpoints": async () => (await import("./services.ts")).endpoints,
  "discovery.k8s.io/EndpointSlice": async () => (await import("./services.ts")).endpointSlice,
  "networking.k8s.io/Ingress": async () => (await import("./ingress.ts")).ingress,
  "networking.k8s.io/IngressClass": async () => (await import("./ingress.ts")).ingressClass,
  "networking.k8s.io/NetworkPolicy": async () => (await import("./network-policy.ts")).networkPolicy,
  "networking.k8s.io/ServiceCIDR": async () => (await import("./addresses.ts")).serviceCIDR,
  "networking.k8s.io/IPAddress": async () => (await import("./addresses.ts")).ipAddress,
  "/ConfigMap": async () => (await import("./data.ts")).configMap,
  "/Secret": async () => (await import("./data.ts")).secret,
  "/ServiceAccount": async () => (await import("./data.ts")).serviceAccount,
  "/Namespace": async () => (await import("./limits.ts")).namespace,
  "/LimitRange": async () => (await import("./limits.ts")).limitRange,
  "/ResourceQuota": async () => (await import("./limits.ts")).resourceQuota,
  "/Node": async () => (await import("./node.ts")).node,
  "/PersistentVolume": async () => (await import("./storage.ts")).persistentVolume,
  "/PersistentVolumeClaim": async () => (await import("./storage.ts")).persistentVolumeClaim,
  "storage.k8s.io/StorageClass": async () => (await import("./storage.ts")).storageClass,
  "storage.k8s.io/VolumeAttributesClass": async () => (await import("./storage.ts")).volumeAttributesClass,
  "storage.k8s.io/CSINode": async () => (await import("./storage.ts")).csiNode,
  "rbac.authorization.k8s.io/Role": async () => (await import("./access.ts")).role,
  "rbac.authorization.k8s.io/ClusterRole": async () => (await import("./access.ts")).role,
  "rbac.authorization.k8s.io/RoleBinding": async () => (await import("./access.ts")).roleBinding,
  "rbac.authorization.k8s.io/ClusterRoleBinding": async () => (await import("./access.ts")).roleBinding,
  "autoscaling/HorizontalPodAutoscaler": async () => (await import("./autoscaling.ts")).horizontalPodAutoscaler,
  "policy/PodDisruptionBudget": async () => (await import("./scheduling.ts")).podDisruptionBudget,
  "scheduling.k8s.io/PriorityClass": async () => (await import("./scheduling.ts")).priorityClass,
  "certificates.k8s.io/CertificateSigningRequest": async () => (await import("./certificates.ts")).signingRequest,
};

/** The describer of a resource type: its own, or the one for any kind. */
export async function describerOf(type: {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}): Promise<Describer> {
  const own = kinds[`${type.group}/${type.kind}`];
  return own ? await own() : (await import("./generic.ts")).generic(type.version);
}
