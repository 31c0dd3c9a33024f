import type { Lease } from "../../../api/generated/coordination-v1.ts";
import type { Node, Pod } from "../../../api/generated/core-v1.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { isStatus } from "../../../machinery/status-error.ts";
import { pathOf } from "../resources/resource-info.ts";
import { watchedConditions } from "./conditions.ts";
import { type DescribeContext, defineDescriber, listAll, subjectOf } from "./describer.ts";
import { marks } from "./metadata.ts";
import { nodeUseText } from "./node-use.ts";
import { amount, indent, row, rowIf, rows, sortedKeys, type Text, timeText } from "./text.ts";

/** `kubectl describe node` */
export const node = defineDescriber<Node>(
  "v1",
  async (node, context) => {
    const { metadata, spec = {}, status = {} } = node;
    const pods = await runningPods(metadata.name, context);
    return [
      row("Name", metadata.name),
      row("Roles", rolesOf(metadata.labels ?? {}).join(",") || "<none>"),
      marks(node),
      row("CreationTimestamp", timeText(metadata.creationTimestamp)),
      taintRows(spec),
      row("Unschedulable", spec.unschedulable ?? false),
      await leaseText(metadata.name, context),
      watchedConditions(status.conditions, "LastHeartbeatTime", ({ lastHeartbeatTime }) => lastHeartbeatTime),
      "Addresses:",
      (status.addresses ?? []).map(({ type, address }) => `  ${type}:\t${address}`),
      amountsText("Capacity", status.capacity),
      amountsText("Allocatable", status.allocatable),
      "System Info:",
      indent(1, systemRows(status)),
      rowIf("PodCIDR", spec.podCIDR),
      rowIf("PodCIDRs", spec.podCIDRs?.join(",")),
      rowIf("ProviderID", spec.providerID),
      pods ? nodeUseText(pods, status, context.now) : row("Pods", "not authorized"),
    ];
  },
  // The node agent names a node as uid too.
  (object) => {
    const subject = subjectOf(object);
    return [subject, { ...subject, uid: subject.name }];
  },
);

/** The pods that have not come to their end; undefined where nobody may look. */
async function runningPods(name: string, context: DescribeContext): Promise<readonly Pod[] | undefined> {
  const fieldSelector = `spec.nodeName=${name},status.phase!=Failed,status.phase!=Succeeded`;
  try {
    return await listAll<Pod>(context, { plural: "pods" }, "", { fieldSelector });
  } catch (error) {
    if (isStatus(error, "Forbidden")) return undefined;
    throw error;
  }
}

const rolePrefix = "node-role.kubernetes.io/";

function rolesOf(labels: Readonly<Record<string, string>>): readonly string[] {
  const roles = Object.entries(labels).map(([key, value]) => {
    if (key.startsWith(rolePrefix)) return key.slice(rolePrefix.length);
    return key === "kubernetes.io/role" ? value : "";
  });
  return [...new Set(roles.filter(Boolean))].sort();
}

function taintRows({ taints = [] }: Partial<Node["spec"]>): Text {
  const order = ({ effect, key }: { readonly effect: string; readonly key: string }) => `${effect},${key}`;
  return rows(
    "Taints",
    taints
      .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
      .map(({ key, value, effect }) => `${key}${value ? `=${value}` : ""}${effect ? `:${effect}` : ""}`),
  );
}

const leases = { group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", namespaced: true };

async function leaseText(name: string, { api }: DescribeContext): Promise<Text> {
  try {
    const { spec } = await api.call<Lease>({ path: pathOf(leases, { namespace: "kube-node-lease", name }) });
    return [
      "Lease:",
      indent(
        1,
        row("HolderIdentity", spec?.holderIdentity ?? "<unset>"),
        row("AcquireTime", spec?.acquireTime ? timeText(spec.acquireTime) : "<unset>"),
        row("RenewTime", spec?.renewTime ? timeText(spec.renewTime) : "<unset>"),
      ),
    ];
  } catch (error) {
    return row("Lease", `Failed to get lease: ${errorMessage(error)}`);
  }
}

function amountsText(label: string, amounts: Readonly<Record<string, string>> | undefined): Text {
  const names = sortedKeys(amounts);
  return names.length > 0 && [`${label}:`, names.map((name) => `  ${name}:\t${amount(amounts?.[name])}`)];
}

function systemRows({ nodeInfo }: NonNullable<Node["status"]>): Text {
  return [
    row("Machine ID", nodeInfo?.machineID),
    row("System UUID", nodeInfo?.systemUUID),
    row("Boot ID", nodeInfo?.bootID),
    row("Kernel Version", nodeInfo?.kernelVersion),
    row("OS Image", nodeInfo?.osImage),
    row("Operating System", nodeInfo?.operatingSystem),
    row("Architecture", nodeInfo?.architecture),
    row("Container Runtime Version", nodeInfo?.containerRuntimeVersion),
    row("Kubelet Version", nodeInfo?.kubeletVersion),
    row("Kube-Proxy Version", nodeInfo?.kubeProxyVersion),
  ];
}
