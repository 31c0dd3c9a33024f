import type { Client } from "../client/client.ts";
import type { Draft, KubeObject } from "../machinery/object.ts";
import { dnsConfigMap } from "../network/dns/name-servers.ts";
import { clusterInfo } from "./cluster-info.ts";
import { createMissing } from "./manifests.ts";
import { nodesConfigMap } from "./nodes-config-map.ts";
import { servingApprover } from "./serving-approval.ts";

const apiGroup = "rbac.authorization.k8s.io";
const apiVersion = `${apiGroup}/v1`;
const requests = "system:certificates.k8s.io:certificatesigningrequests";

interface Subject {
  readonly kind: "User" | "Group" | "ServiceAccount";
  readonly name: string;
  readonly namespace?: string;
  readonly apiGroup?: string;
}

const members = (name: string): Subject => ({ kind: "Group", apiGroup, name });

const dnsUser: Subject = { kind: "User", apiGroup, name: "system:kube-dns" };

/** What a new node may do with a bootstrap token, and every node to renew its certificate; named as kubeadm names them. */
const joining = [
  binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", members("system:bootstrappers")),
  binding("kubeadm:node-autoapprove-bootstrap", `${requests}:nodeclient`, members("system:bootstrappers")),
  binding("kubeadm:node-autoapprove-certificate-rotation", `${requests}:selfnodeclient`, members("system:nodes")),
];

/** Every node answers services and names itself, so every node may read what these are made of. */
const answering = [
  binding("navarch:node-proxier", "system:node-proxier", members("system:nodes")),
  clusterRole("system:coredns", [
    { apiGroups: [""], resources: ["endpoints", "services", "pods", "namespaces"], verbs: ["list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  ]),
  binding("system:coredns", "system:coredns", members("system:nodes"), dnsUser),
  clusterRole("navarch:network-policy", [
    { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list", "watch"] },
  ]),
  binding("navarch:network-policy", "navarch:network-policy", members("system:nodes"), dnsUser),
  ...role("navarch:dns-config", dnsConfigMap, [members("system:nodes"), dnsUser], ["get", "list", "watch"]),
];

/** Whoever has no credentials yet may read who the cluster is; named as kubeadm names it. */
const introducing = role("kubeadm:bootstrap-signer-clusterinfo", clusterInfo, [
  { kind: "User", apiGroup, name: "system:anonymous" },
]);

/** The settings that nodes share, and certificates for their servers. */
const serving = [
  ...role("navarch:nodes", nodesConfigMap, [members("system:nodes")]),
  clusterRole(`navarch:${servingApprover}`, [
    {
      apiGroups: ["certificates.k8s.io"],
      resources: ["certificatesigningrequests"],
      verbs: ["get", "list", "watch"],
    },
    {
      apiGroups: ["certificates.k8s.io"],
      resources: ["certificatesigningrequests/approval"],
      verbs: ["update"],
    },
    {
      apiGroups: ["certificates.k8s.io"],
      resources: ["signers"],
      resourceNames: ["kubernetes.io/kubelet-serving"],
      verbs: ["approve"],
    },
    { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
  ]),
  binding(`navarch:${servingApprover}`, `navarch:${servingApprover}`, {
    kind: "ServiceAccount",
    namespace: "kube-system",
    name: servingApprover,
  }),
];

/** Lets nodes join by a token, work, and renew what they got. What people have changed of it stays so while it is there. */
export async function ensureJoinRights(client: Client): Promise<void> {
  const objects = [
    ...joining,
    ...introducing,
    ...answering,
    ...serving,
  ] as readonly object[] as readonly Draft<KubeObject>[];
  await Promise.all(objects.map((object) => createMissing(client, [object])));
}

function clusterRole(name: string, rules: readonly object[]): object {
  return { apiVersion, kind: "ClusterRole", metadata: { name }, rules };
}

function binding(name: string, role: string, ...subjects: readonly Subject[]): object {
  const roleRef = { apiGroup, kind: "ClusterRole", name: role };
  return { apiVersion, kind: "ClusterRoleBinding", metadata: { name }, roleRef, subjects };
}

/** The right to read one ConfigMap. */
function role(
  name: string,
  configMap: { readonly namespace: string; readonly name: string },
  subjects: readonly Subject[],
  verbs: readonly string[] = ["get"],
): readonly object[] {
  const metadata = { namespace: configMap.namespace, name };
  const rules = [{ apiGroups: [""], resources: ["configmaps"], resourceNames: [configMap.name], verbs }];
  return [
    { apiVersion, kind: "Role", metadata, rules },
    {
      apiVersion,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup, kind: "Role", name },
      subjects,
    },
  ];
}
