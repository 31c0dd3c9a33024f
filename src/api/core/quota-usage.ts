import type { KubeObject } from "../../machinery/object.ts";
import { addQuantities, compareQuantities } from "../../machinery/quantity.ts";
import type { PersistentVolumeClaim } from "./persistent-volume-claim.ts";
import type { Pod } from "./pod.ts";
import { qosClassOf } from "./qos.ts";
import type { ResourceQuota } from "./resource-quota.ts";
import type { Service } from "./service.ts";

/** Amounts by the name that quotas give them. */
export type Usage = Readonly<Record<string, string>>;

/** Kinds that quotas know by their plural alone, since before `count/...`. */
const oldNames = new Set([
  "pods",
  "services",
  "configmaps",
  "secrets",
  "persistentvolumeclaims",
  "replicationcontrollers",
  "resourcequotas",
]);

/** What one object takes from a quota. */
export function usageOf(resource: { readonly group: string; readonly plural: string }, object: KubeObject): Usage {
  const { group, plural } = resource;
  const usage: Record<string, string> = { [`count/${group ? `${plural}.${group}` : plural}`]: "1" };
  if (group !== "") return usage;
  if (oldNames.has(plural)) usage[plural] = "1";
  if (plural === "pods") Object.assign(usage, podUsage(object as unknown as Pod));
  if (plural === "services") Object.assign(usage, serviceUsage(object as unknown as Service));
  if (plural === "persistentvolumeclaims") Object.assign(usage, claimUsage(object as unknown as PersistentVolumeClaim));
  return usage;
}

/** Whether the quota is about this object at all. */
export function inScope(
  { spec }: ResourceQuota,
  resource: { readonly group: string; readonly plural: string },
  object: KubeObject,
): boolean {
  const scopes = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists", values: [] as readonly string[] })),
    ...(spec?.scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values = [] }) => ({
      scopeName,
      operator,
      values,
    })),
  ];
  if (scopes.length === 0) return true;
  if (resource.group !== "" || resource.plural !== "pods") return false;
  const pod = object as unknown as Pod;
  return scopes.every(({ scopeName, operator, values }) => scopeMatches(pod, scopeName, operator, values));
}

function scopeMatches({ spec }: Pod, scope: string, operator: string, values: readonly string[]): boolean {
  switch (scope) {
    case "Terminating":
      return spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds !== null;
    case "NotTerminating":
      return spec.activeDeadlineSeconds === undefined || spec.activeDeadlineSeconds === null;
    case "BestEffort":
      return qosClassOf(spec) === "BestEffort";
    case "NotBestEffort":
      return qosClassOf(spec) !== "BestEffort";
    case "PriorityClass": {
      const name = spec.priorityClassName ?? "";
      if (operator === "Exists") return name !== "";
      if (operator === "DoesNotExist") return name === "";
      return values.includes(name) === (operator === "In");
    }
    case "CrossNamespacePodAffinity":
      return [
        ...(spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
        ...(spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ].some((term) => term.namespaces?.length || term.namespaceSelector);
    default:
      return false;
  }
}

// Finished pods hold nothing any more.
function podUsage({ spec, status }: Pod): Usage {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return { pods: "0" };
  const usage: Record<string, string> = {};
  for (const which of ["requests", "limits"] as const) {
    for (const [name, value] of Object.entries(podTotal(spec, which))) {
      usage[`${which}.${name}`] = value;
      if (which === "requests" && (name === "cpu" || name === "memory" || name === "ephemeral-storage"))
        usage[name] = value;
    }
  }
  return usage;
}

// Containers run together, those of the start one after the other.
function podTotal(spec: Pod["spec"], which: "requests" | "limits"): Usage {
  const total: Record<string, string> = {};
  const add = (amounts: Usage | undefined) => {
    for (const [name, value] of Object.entries(amounts ?? {}))
      total[name] = total[name] ? addQuantities(total[name], value) : value;
  };
  for (const { resources } of spec.containers ?? []) add(resources?.[which]);
  for (const { resources } of spec.initContainers ?? []) {
    for (const [name, value] of Object.entries(resources?.[which] ?? {})) {
      if (!total[name] || compareQuantities(value, total[name]) > 0) total[name] = value;
    }
  }
  if (Object.keys(total).length > 0 || which === "requests") add(spec.overhead);
  return total;
}

function serviceUsage({ spec }: Service): Usage {
  const ports = spec?.ports?.length ?? 0;
  if (spec?.type === "NodePort") return { "services.nodeports": String(ports) };
  if (spec?.type !== "LoadBalancer") return {};
  const nodePorts =
    spec.allocateLoadBalancerNodePorts === false ? (spec.ports?.filter(({ nodePort }) => nodePort).length ?? 0) : ports;
  return { "services.loadbalancers": "1", "services.nodeports": String(nodePorts) };
}

function claimUsage({ spec }: PersistentVolumeClaim): Usage {
  const storage = spec?.resources?.requests?.storage;
  const name = spec?.storageClassName;
  const usage: Record<string, string> = storage ? { "requests.storage": storage } : {};
  if (!name) return usage;
  const prefix = `${name}.storageclass.storage.k8s.io`;
  usage[`${prefix}/persistentvolumeclaims`] = "1";
  if (storage) usage[`${prefix}/requests.storage`] = storage;
  return usage;
}
