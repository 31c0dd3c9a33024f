import { IngressClass } from "../api/networking/ingress-class.ts";
import { defaultIngressClassAnnotation, ingressController } from "../api/networking/ingress-controller.ts";
import { ClusterRole } from "../api/rbac/cluster-role.ts";
import { ClusterRoleBinding } from "../api/rbac/cluster-role-binding.ts";
import { defaultClassAnnotation, StorageClass } from "../api/storage/storage-class.ts";
import type { Client } from "../client/client.ts";
import { ingressAccount } from "../controllers/ingress-status/ingress-status.ts";
import { ingressSubjects } from "../controllers/ingress-status/secret-rights.ts";
import { localPathProvisioner } from "../controllers/local-path/node-folders.ts";
import type { Draft, KindRef } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";

/** What Kubernetes leaves to others and a cluster here has unless told otherwise. */
export const addOns = ["ingress", "local-path", "metrics-server"] as const;
export type AddOn = (typeof addOns)[number];

type Rules = NonNullable<ClusterRole["rules"]>;

const localPathRules: Rules = [
  { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["nodes/proxy"], verbs: ["update", "delete"] },
  {
    apiGroups: [""],
    resources: ["persistentvolumes"],
    verbs: ["get", "list", "watch", "create", "update", "delete"],
  },
  { apiGroups: [""], resources: ["persistentvolumeclaims"], verbs: ["get", "list", "watch", "update"] },
  { apiGroups: [""], resources: ["persistentvolumeclaims/status"], verbs: ["update"] },
  { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch", "update"] },
];

const metricsServerRules: Rules = [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }];

/** Writes the Ingresses' status, and hands on the right to read the Secrets that they name, which it must therefore have. */
const ingressControllerRules: Rules = [
  { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses", "ingressclasses"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses/status"], verbs: ["update", "patch"] },
  {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["roles", "rolebindings"],
    verbs: ["get", "list", "watch", "create", "update", "delete"],
  },
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"] },
];

/** What nodes route by, beside what their proxies know. Secrets are not among it: they may read those that Ingresses name. */
const ingressServingRules: Rules = [
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses", "ingressclasses"], verbs: ["list", "watch"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
];

/** Whoever may look at a namespace may see what its pods use. */
const metricsReader: Draft<ClusterRole> = {
  metadata: {
    name: "system:aggregated-metrics-reader",
    labels: {
      "rbac.authorization.k8s.io/aggregate-to-view": "true",
      "rbac.authorization.k8s.io/aggregate-to-edit": "true",
      "rbac.authorization.k8s.io/aggregate-to-admin": "true",
    },
  },
  rules: [{ apiGroups: ["metrics.k8s.io"], resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] }],
};

/** Makes what the add-ons need unless it is there; what people have changed stays as they want it. */
export async function ensureAddOns(client: Client, wanted: readonly AddOn[]): Promise<void> {
  if (wanted.includes("ingress")) await ensureIngress(client);
  if (wanted.includes("local-path")) {
    await Promise.all([
      ...identity(client, "local-path-provisioner", localPathRules),
      ensure(client, StorageClass, {
        metadata: { name: "local-path", annotations: { [defaultClassAnnotation]: "true" } },
        provisioner: localPathProvisioner,
        reclaimPolicy: "Delete",
        volumeBindingMode: "WaitForFirstConsumer",
        allowVolumeExpansion: true,
      }),
    ]);
  }
  if (wanted.includes("metrics-server")) {
    await Promise.all([
      ...identity(client, "metrics-server", metricsServerRules),
      ensure(client, ClusterRole, metricsReader),
    ]);
  }
}

async function ensureIngress(client: Client): Promise<void> {
  const name = "system:ingress";
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name };
  await Promise.all([
    ...identity(client, ingressAccount, ingressControllerRules),
    ensure(client, ClusterRole, { metadata: { name }, rules: ingressServingRules }),
    ensure(client, ClusterRoleBinding, { metadata: { name }, roleRef, subjects: ingressSubjects }),
    ensure(client, IngressClass, {
      metadata: { name: "navarch", annotations: { [defaultIngressClassAnnotation]: "true" } },
      spec: { controller: ingressController },
    }),
  ]);
}

/** Gives the rules to a service account in kube-system. */
function identity(client: Client, account: string, rules: Rules): readonly Promise<void>[] {
  const name = `navarch:${account}`;
  return [
    ensure(client, ClusterRole, { metadata: { name }, rules }),
    ensure(client, ClusterRoleBinding, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace: "kube-system" }],
    }),
  ];
}

async function ensure<T>(client: Client, kind: KindRef<T>, object: Draft<T>): Promise<void> {
  try {
    await client.create(kind, object);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}
