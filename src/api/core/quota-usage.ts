import type { KubeObject } from "../../machinery/object.ts";
import { compareQuantities, roundUpQuantity } from "../../machinery/quantity.ts";
import type { PersistentVolumeClaim } from "./persistent-volume-claim.ts";
import type { Pod } from "./pod.ts";
import { podTotal, sumOf } from "./pod-totals.ts";
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

const namesOfOthers: Readonly<Record<string, string>> = {
  "requests.storage": "persistentvolumeclaims",
  cpu: "pods",
  memory: "pods",
  "ephemeral-storage": "pods",
};

/** The resource (`pods`, `deployments.apps`) whose objects a quota's name counts; undefined for a name that is nobody's. */
export function resourceCounted(name: string): string | undefined {
  const known = oldNames.has(name) ? name : namesOfOthers[name];
  if (known) return known;
  if (name.startsWith("count/")) return name.slice("count/".length);
  if (name.startsWith("services.")) return "services";
  if (name.includes(".storageclass.storage.k8s.io/")) return "persistentvolumeclaims";
  return /^(requests|limits)\./.test(name) || name.startsWith("hugepages-") ? "pods" : undefined;
}

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
  if (resource.group !== "") return false;
  return scopes.every((scope) => {
    if (resource.plural === "pods") return podInScope(object as unknown as Pod, scope);
    return (
      resource.plural === "persistentvolumeclaims" && claimInScope(object as unknown as PersistentVolumeClaim, scope)
    );
  });
}

/** One condition of a quota's scopes. */
interface Scope {
  readonly scopeName: string;
  readonly operator: string;
  readonly values: readonly string[];
}

function namesMatch({ operator, values }: Scope, names: readonly string[]): boolean {
  if (operator === "Exists") return names.length > 0;
  if (operator === "DoesNotExist") return names.length === 0;
  const among = names.some((name) => values.includes(name));
  return operator === "In" ? among : names.length === 0 || names.some((name) => !values.includes(name));
}

function claimInScope({ spec, status }: PersistentVolumeClaim, scope: Scope): boolean {
  if (scope.scopeName !== "VolumeAttributesClass") return false;
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].flatMap((name) => (name ? [name] : []));
  return namesMatch(scope, names);
}

function podInScope({ spec }: Pod, scope: Scope): boolean {
  switch (scope.scopeName) {
    case "Terminating":
      return spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds !== null;
    case "NotTerminating":
      return spec.activeDeadlineSeconds === undefined || spec.activeDeadlineSeconds === null;
    case "BestEffort":
      return qosClassOf(spec) === "BestEffort";
    case "NotBestEffort":
      return qosClassOf(spec) !== "BestEffort";
    case "PriorityClass":
      return namesMatch(scope, spec.priorityClassName ? [spec.priorityClassName] : []);
    case "CrossNamespacePodAffinity":
      return [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]
        .flatMap((affinity) => [
          ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
          ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((one) => one.podAffinityTerm),
        ])
        .some((term) => (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined);
    default:
      return false;
  }
}

// Finished pods hold nothing any more.
function podUsage({ spec, status }: Pod): Usage {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return { pods: "0" };
  const requests = sumOf(podTotal(spec, "requests"), spec.overhead ?? {});
  const limited = podTotal(spec, "limits");
  const overhead = Object.entries(spec.overhead ?? {}).filter(([name]) => limited[name] !== undefined);
  return { ...computeUsage(requests, sumOf(limited, Object.fromEntries(overhead))) };
}

const native = new Set(["cpu", "memory", "ephemeral-storage"]);
const isHugePages = (name: string) => name.startsWith("hugepages-");

/** Requests and limits under the names that quotas have for them. */
export function computeUsage(requests: Usage, limits: Usage): Usage {
  const usage: Record<string, string> = {};
  for (const [name, value] of Object.entries(requests)) {
    usage[`requests.${name}`] = value;
    if (native.has(name) || isHugePages(name)) usage[name] = value;
  }
  // Of what cannot be overcommitted requests say enough.
  for (const [name, value] of Object.entries(limits)) if (native.has(name)) usage[`limits.${name}`] = value;
  return usage;
}

function serviceUsage({ spec }: Service): Usage {
  const ports = spec?.ports?.length ?? 0;
  if (spec?.type === "NodePort") return { "services.nodeports": String(ports) };
  if (spec?.type !== "LoadBalancer") return {};
  const nodePorts =
    spec.allocateLoadBalancerNodePorts === false ? (spec.ports?.filter(({ nodePort }) => nodePort).length ?? 0) : ports;
  return { "services.loadbalancers": "1", "services.nodeports": String(nodePorts) };
}

const legacyClass = "volume.beta.kubernetes.io/storage-class";

function claimUsage({ metadata, spec, status }: PersistentVolumeClaim): Usage {
  const storage = claimedStorage(spec?.resources?.requests?.storage, status?.allocatedResources?.storage);
  const name = metadata.annotations?.[legacyClass] ?? spec?.storageClassName;
  const usage: Record<string, string> = storage ? { "requests.storage": storage } : {};
  if (!name) return usage;
  const prefix = `${name}.storageclass.storage.k8s.io`;
  usage[`${prefix}/persistentvolumeclaims`] = "1";
  if (storage) usage[`${prefix}/requests.storage`] = storage;
  return usage;
}

// A volume that is growing already counts as large as it will be, in whole bytes.
function claimedStorage(asked: string | undefined, allocated: string | undefined): string | undefined {
  if (asked === undefined) return undefined;
  return roundUpQuantity(allocated !== undefined && compareQuantities(allocated, asked) > 0 ? allocated : asked, 0);
}
