import type { FlowSchema } from "../../api/flowcontrol/flow-schema.ts";
import type { PriorityLevelConfiguration } from "../../api/flowcontrol/priority-level-configuration.ts";

const apiVersion = "flowcontrol.apiserver.k8s.io/v1";
/** What people set to "false" to keep their own settings of a suggested object. */
export const autoUpdate = "apf.kubernetes.io/autoupdate-spec";
const metadata = (name: string) => ({ name, annotations: { [autoUpdate]: "true" } });

export const mandatoryNames: ReadonlySet<string> = new Set(["exempt", "catch-all"]);

type Subject = NonNullable<NonNullable<FlowSchema["spec"]["rules"]>[number]["subjects"]>[number];
type Rule = NonNullable<FlowSchema["spec"]["rules"]>[number];

function level(
  name: string,
  shares: number,
  lendablePercent: number,
  queuing: readonly [queues: number, handSize: number] | undefined,
): PriorityLevelConfiguration {
  const limitResponse = queuing
    ? { type: "Queue", queuing: { queues: queuing[0], handSize: queuing[1], queueLengthLimit: 50 } }
    : { type: "Reject" };
  return {
    apiVersion,
    kind: "PriorityLevelConfiguration",
    metadata: metadata(name),
    spec: { type: "Limited", limited: { nominalConcurrencyShares: shares, lendablePercent, limitResponse } },
  } as unknown as PriorityLevelConfiguration;
}

/** The levels that every cluster begins with: the mandatory ones first. */
export const bootstrapLevels: readonly PriorityLevelConfiguration[] = [
  {
    apiVersion,
    kind: "PriorityLevelConfiguration",
    metadata: metadata("exempt"),
    spec: { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  } as unknown as PriorityLevelConfiguration,
  level("catch-all", 5, 0, undefined),
  level("system", 30, 33, [64, 6]),
  level("node-high", 40, 25, [64, 6]),
  level("leader-election", 10, 0, [16, 4]),
  level("workload-high", 40, 50, [128, 6]),
  level("workload-low", 100, 90, [128, 6]),
  level("global-default", 20, 50, [128, 6]),
];

const user = (name: string): Subject => ({ kind: "User", user: { name } }) as Subject;
const group = (name: string): Subject => ({ kind: "Group", group: { name } }) as Subject;
const account = (name: string): Subject =>
  ({ kind: "ServiceAccount", serviceAccount: { name, namespace: "kube-system" } }) as Subject;

const everything = (...subjects: readonly Subject[]): Rule =>
  ({
    subjects,
    resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] }],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  }) as Rule;

function leases(namespaces: readonly string[], ...subjects: readonly Subject[]): Rule {
  const verbs = ["get", "create", "update"];
  return {
    subjects,
    resourceRules: [{ verbs, apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces }],
  } as unknown as Rule;
}

function schema(
  name: string,
  [levelName, matchingPrecedence, distinguisher]: readonly [string, number, ("ByUser" | "ByNamespace")?],
  ...rules: readonly Rule[]
): FlowSchema {
  return {
    apiVersion,
    kind: "FlowSchema",
    metadata: metadata(name),
    spec: {
      priorityLevelConfiguration: { name: levelName },
      matchingPrecedence,
      ...(distinguisher ? { distinguisherMethod: { type: distinguisher } } : {}),
      rules,
    },
  } as unknown as FlowSchema;
}

const nodes = group("system:nodes");
const anybody = [group("system:unauthenticated"), group("system:authenticated")];

const nodeHigh = {
  subjects: [nodes],
  resourceRules: [
    { verbs: ["*"], apiGroups: [""], resources: ["nodes", "nodes/status"], clusterScope: true, namespaces: ["*"] },
    { verbs: ["*"], apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] },
  ],
} as unknown as Rule;

const probes = {
  subjects: anybody,
  nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }],
} as unknown as Rule;

const endpointWrites = {
  subjects: [
    user("system:kube-controller-manager"),
    account("endpoint-controller"),
    account("endpointslicemirroring-controller"),
  ],
  resourceRules: [{ verbs: ["get", "create", "update"], apiGroups: [""], resources: ["endpoints"], namespaces: ["*"] }],
} as unknown as Rule;

/** The schemas that every cluster begins with. */
export const bootstrapSchemas: readonly FlowSchema[] = [
  schema("exempt", ["exempt", 1], everything(group("system:masters"))),
  schema("catch-all", ["catch-all", 10000, "ByUser"], everything(...anybody)),
  schema("probes", ["exempt", 2], probes),
  schema(
    "system-leader-election",
    ["leader-election", 100, "ByUser"],
    leases(["*"], user("system:kube-controller-manager"), user("system:kube-scheduler"), account("*")),
  ),
  schema("endpoint-controller", ["workload-high", 150, "ByUser"], endpointWrites),
  schema("workload-leader-election", ["leader-election", 200, "ByUser"], leases(["*"], account("*"))),
  schema("system-node-high", ["node-high", 400, "ByUser"], nodeHigh),
  schema("system-nodes", ["system", 500, "ByUser"], everything(nodes)),
  schema(
    "kube-controller-manager",
    ["workload-high", 800, "ByNamespace"],
    everything(user("system:kube-controller-manager")),
  ),
  schema("kube-scheduler", ["workload-high", 800, "ByNamespace"], everything(user("system:kube-scheduler"))),
  schema("kube-system-service-accounts", ["workload-high", 900, "ByNamespace"], everything(account("*"))),
  schema("service-accounts", ["workload-low", 9000, "ByUser"], everything(group("system:serviceaccounts"))),
  schema("global-default", ["global-default", 9900, "ByUser"], everything(...anybody)),
];
