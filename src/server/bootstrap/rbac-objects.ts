import type { PolicyRule } from "../authorization/policy-rules.ts";
import { controllerRoles } from "./controller-roles.ts";
import { reading, rule, writeEvents } from "./role-table.ts";
import { systemRoles } from "./system-roles.ts";
import { userRoles } from "./user-roles.ts";

const group = "rbac.authorization.k8s.io";
const apiVersion = `${group}/v1`;
const marks = {
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults" },
  annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
};

interface Subject {
  readonly kind: "User" | "Group" | "ServiceAccount";
  readonly name: string;
  readonly namespace?: string;
  readonly apiGroup?: string;
}

const user = (name: string): Subject => ({ kind: "User", apiGroup: group, name });
const members = (name: string): Subject => ({ kind: "Group", apiGroup: group, name });
const account = (name: string): Subject => ({ kind: "ServiceAccount", name, namespace: "kube-system" });

/** An RBAC object that the server makes, and keeps complete, at every start. */
export interface RbacObject {
  readonly apiVersion: string;
  readonly kind: "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding";
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly rules?: readonly PolicyRule[];
  readonly aggregationRule?: object;
  readonly roleRef?: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects?: readonly Subject[];
}

function clusterRole(
  name: string,
  rules: readonly PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): RbacObject {
  const metadata = { name, ...marks, labels: { ...marks.labels, ...labels } };
  return { apiVersion, kind: "ClusterRole", metadata, rules };
}

const aggregates = (level: string) => `${group}/aggregate-to-${level}`;

const aggregateLabels: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "system:aggregate-to-admin": { [aggregates("admin")]: "true" },
  "system:aggregate-to-edit": { [aggregates("edit")]: "true" },
  "system:aggregate-to-view": { [aggregates("view")]: "true" },
};

// Filled from the start with what the aggregation controller will find, so that they work before it runs.
const viewRules = userRoles["system:aggregate-to-view"] ?? [];
const editRules = [...(userRoles["system:aggregate-to-edit"] ?? []), ...viewRules];
const adminRules = [...(userRoles["system:aggregate-to-admin"] ?? []), ...editRules];

function aggregated(name: string, rules: readonly PolicyRule[], partOf?: string): RbacObject {
  const selector = { matchLabels: { [aggregates(name)]: "true" } };
  const labels = partOf ? { [aggregates(partOf)]: "true" } : {};
  return { ...clusterRole(name, rules, labels), aggregationRule: { clusterRoleSelectors: [selector] } };
}

/** Every default ClusterRole. */
export const clusterRoles: readonly RbacObject[] = [
  ...Object.entries(userRoles).map(([name, rules]) => clusterRole(name, rules, aggregateLabels[name])),
  aggregated("admin", adminRules),
  aggregated("edit", editRules, "admin"),
  aggregated("view", viewRules, "edit"),
  ...Object.entries(systemRoles).map(([name, rules]) => clusterRole(name, rules)),
  ...Object.entries(controllerRoles).map(([name, rules]) => clusterRole(`system:controller:${name}`, rules)),
];

const boundUsers: Readonly<Record<string, readonly Subject[]>> = {
  "cluster-admin": [members("system:masters")],
  "system:basic-user": [members("system:authenticated")],
  "system:discovery": [members("system:authenticated")],
  "system:public-info-viewer": [members("system:authenticated"), members("system:unauthenticated")],
  "system:monitoring": [members("system:monitoring")],
  "system:service-account-issuer-discovery": [members("system:serviceaccounts")],
  "system:kube-controller-manager": [user("system:kube-controller-manager")],
  "system:kube-scheduler": [user("system:kube-scheduler")],
  "system:volume-scheduler": [user("system:kube-scheduler")],
  "system:kube-dns": [account("kube-dns")],
  "system:node-proxier": [user("system:kube-proxy")],
  "system:node": [],
};

function clusterBinding(name: string, role: string, subjects: readonly Subject[]): RbacObject {
  const roleRef = { apiGroup: group, kind: "ClusterRole", name: role };
  return { apiVersion, kind: "ClusterRoleBinding", metadata: { name, ...marks }, roleRef, subjects };
}

/** Every default ClusterRoleBinding. */
export const clusterRoleBindings: readonly RbacObject[] = [
  ...Object.entries(boundUsers).map(([role, subjects]) => clusterBinding(role, role, subjects)),
  ...Object.keys(controllerRoles).map((name) =>
    clusterBinding(`system:controller:${name}`, `system:controller:${name}`, [account(name)]),
  ),
];

const publisher = "kube-apiserver-serving-clustertrustbundle-publisher";

/** The ClusterRoles and bindings that come with ClusterTrustBundles, where these are served. */
export const trustBundleRbac: readonly RbacObject[] = [
  clusterRole("system:cluster-trust-bundle-discovery", [reading("certificates.k8s.io", "clustertrustbundles")]),
  clusterBinding("system:cluster-trust-bundle-discovery", "system:cluster-trust-bundle-discovery", [
    members("system:serviceaccounts"),
  ]),
  clusterRole(`system:controller:${publisher}`, [
    rule("attest", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-serving"),
    rule("create delete list update watch", "certificates.k8s.io", "clustertrustbundles"),
    writeEvents,
  ]),
  clusterBinding(`system:controller:${publisher}`, `system:controller:${publisher}`, [account(publisher)]),
];

const namespacedRoles: readonly (readonly [
  namespace: string,
  name: string,
  rules: readonly PolicyRule[],
  subjects: readonly Subject[],
  binding?: string,
])[] = [
  [
    "kube-public",
    "system:controller:bootstrap-signer",
    [reading("core", "configmaps"), rule("update", "core", "configmaps", "cluster-info"), writeEvents],
    [account("bootstrap-signer")],
  ],
  [
    "kube-system",
    "extension-apiserver-authentication-reader",
    [reading("core", "configmaps", "extension-apiserver-authentication")],
    [user("system:kube-controller-manager"), user("system:kube-scheduler")],
    "system::extension-apiserver-authentication-reader",
  ],
  [
    "kube-system",
    "system::leader-locking-kube-controller-manager",
    [rule("watch", "core", "configmaps"), rule("get update", "core", "configmaps", "kube-controller-manager")],
    [user("system:kube-controller-manager"), account("kube-controller-manager")],
  ],
  [
    "kube-system",
    "system::leader-locking-kube-scheduler",
    [rule("watch", "core", "configmaps"), rule("get update", "core", "configmaps", "kube-scheduler")],
    [user("system:kube-scheduler"), account("kube-scheduler")],
  ],
  ["kube-system", "system:controller:bootstrap-signer", [reading("core", "secrets")], [account("bootstrap-signer")]],
  [
    "kube-system",
    "system:controller:cloud-provider",
    [rule("create get list watch", "core", "configmaps")],
    [account("cloud-provider")],
  ],
  [
    "kube-system",
    "system:controller:token-cleaner",
    [rule("delete get list watch", "core", "secrets"), writeEvents],
    [account("token-cleaner")],
  ],
];

/** Every default Role and RoleBinding. */
export const namespacedObjects: readonly RbacObject[] = namespacedRoles.flatMap(
  ([namespace, name, rules, subjects, binding = name]): readonly RbacObject[] => [
    { apiVersion, kind: "Role", metadata: { name, namespace, ...marks }, rules },
    {
      apiVersion,
      kind: "RoleBinding",
      metadata: { name: binding, namespace, ...marks },
      roleRef: { apiGroup: group, kind: "Role", name },
      subjects,
    },
  ],
);
