import type { KubeObject } from "../../src/machinery/object.ts";
import type { Entry } from "./recording.ts";

// The recordings hold parts of objects only. This file says which, kind by kind; it reads objects of any kind as plain data.
type Data = Readonly<Record<string, unknown>>;

const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((inner, name) => (inner as Data | undefined)?.[name], value);
const list = (value: unknown): readonly Data[] => (Array.isArray(value) ? value : []);

/** Some fields of an object, those that are there. */
function pick(value: unknown, ...names: readonly string[]): Data {
  const found = names.map((name) => [name, at(value, name)] as const).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(found);
}

const reference = (value: unknown): string => `${at(value, "kind")}/${at(value, "name")}`;

/** Pod fields that a scenario has only where it is about them. */
export const optionalPodFields = [
  "tolerations",
  "affinity",
  "priority",
  "priorityClassName",
  "preemptionPolicy",
  "resources",
  "hostname",
  "subdomain",
  "claims",
  "node",
] as const;

/** What is compared of an object. `fields`: those of `optionalPodFields` where the scenario is about them. */
export function selectedParts(object: KubeObject, fields: ReadonlySet<string>): Entry {
  const { metadata, kind } = object;
  const labels = without(metadata.labels, (key) => kind === "Node" && key.includes("kubernetes.io/"));
  const annotations =
    kind === "Node"
      ? {}
      : without(metadata.annotations, (key) => key === "endpoints.kubernetes.io/last-change-trigger-time");
  const owners = metadata.ownerReferences?.map(
    (owner) => `${reference(owner)}${owner.controller ? "" : " (not controller)"}`,
  );
  return {
    kind,
    name: metadata.name,
    ...(owners?.length ? { owner: owners } : {}),
    ...(metadata.deletionTimestamp ? { deleting: true } : {}),
    ...(metadata.finalizers?.length ? { finalizers: metadata.finalizers } : {}),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    ...partsOf(object, fields),
  };
}

function without(map: Readonly<Record<string, string>> | undefined, leftOut: (key: string) => boolean): Data {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !leftOut(key)));
}

function partsOf(object: KubeObject, fields: ReadonlySet<string>): Data {
  const spec = at(object, "spec");
  switch (object.kind) {
    case "Pod":
      return podParts(object, fields);
    case "Node":
      return nodeParts(object);
    case "Deployment":
      return {
        spec: { ...pick(spec, "replicas"), ...(at(spec, "paused") ? { paused: true } : {}) },
        status: statusOf(object),
      };
    case "ReplicaSet":
    case "ReplicationController":
      return {
        spec: pick(spec, "replicas"),
        image: at(list(at(spec, "template.spec.containers"))[0], "image"),
        status: statusOf(object, "observedGeneration"),
      };
    case "StatefulSet":
      return { spec: pick(spec, "replicas"), status: statusOf(object, "collisionCount") };
    case "DaemonSet":
      return { status: statusOf(object) };
    case "ControllerRevision":
      return pick(object, "revision");
    case "Job":
      return { spec: pick(spec, "parallelism", "completions", "backoffLimit"), status: statusOf(object) };
    case "CronJob":
      return {
        spec: pick(spec, "suspend", "concurrencyPolicy"),
        status: {
          ...pick(at(object, "status"), "lastScheduleTime"),
          active: list(at(object, "status.active")).map(reference),
        },
      };
    case "HorizontalPodAutoscaler":
      return { spec: pick(spec, "minReplicas", "maxReplicas"), status: statusOf(object, "currentMetrics") };
    case "PodDisruptionBudget":
      return { spec: pick(spec, "minAvailable", "maxUnavailable"), status: statusOf(object, "conditions") };
    case "ResourceQuota":
      return { status: pick(at(object, "status"), "hard", "used") };
    case "Namespace":
      return { finalizersOfSpec: at(spec, "finalizers"), status: statusOf(object) };
    case "ConfigMap":
      return { data: Object.keys((at(object, "data") as Data | undefined) ?? {}) };
    case "Secret":
      return { type: at(object, "type"), data: Object.keys((at(object, "data") as Data | undefined) ?? {}).sort() };
    case "ClusterRole":
      return { rules: at(object, "rules") ?? null };
    case "ServiceAccount":
      return {};
    default:
      return networkParts(object) ?? volumeParts(object);
  }
}

function podParts(pod: KubeObject, fields: ReadonlySet<string>): Data {
  const spec = at(pod, "spec");
  const conditions = list(at(pod, "status.conditions"));
  const condition = (type: string) => conditions.find((each) => each.type === type);
  const unscheduled = condition("PodScheduled");
  const containers = list(at(spec, "containers"));
  const special: Data = {
    ...pick(
      spec,
      "tolerations",
      "affinity",
      "priority",
      "priorityClassName",
      "preemptionPolicy",
      "hostname",
      "subdomain",
    ),
    resources: containers.map((container) => container.resources),
    claims: list(at(spec, "volumes")).flatMap((volume) => at(volume, "persistentVolumeClaim.claimName") ?? []),
    node: at(spec, "nodeName"),
  };
  const wanted = Object.entries(special).filter(([name, value]) => fields.has(name) && value !== undefined);
  const nominated = at(pod, "status.nominatedNodeName");
  return {
    ...Object.fromEntries(wanted.filter(([, value]) => !Array.isArray(value) || value.length > 0)),
    image: containers[0]?.image,
    phase: at(pod, "status.phase"),
    ready: condition("Ready")?.status === "True",
    ...(unscheduled?.status === "False" ? { unscheduled: pick(unscheduled, "reason", "message") } : {}),
    ...(nominated ? { nominatedNodeName: nominated } : {}),
  };
}

function nodeParts(node: KubeObject): Data {
  const conditions = list(at(node, "status.conditions")).filter(
    ({ type, status }) => type === "Ready" || status !== "False",
  );
  return {
    spec: {
      taints: list(at(node, "spec.taints"))
        .map((taint) => pick(taint, "key", "effect", "value"))
        .sort((one, other) => `${one.key}:${one.effect}`.localeCompare(`${other.key}:${other.effect}`)),
      ...pick(at(node, "spec"), "unschedulable"),
    },
    conditions: conditionsOf(conditions),
  };
}

function networkParts(object: KubeObject): Data | undefined {
  if (object.kind === "Service") {
    const ports = list(at(object, "spec.ports")).map((port) => pick(port, "name", "protocol", "port", "targetPort"));
    return { spec: { ...pick(at(object, "spec"), "type", "selector", "clusterIP"), ports } };
  }
  if (object.kind === "Endpoints") {
    const addresses = (value: unknown) =>
      list(value).map((address) => ({
        ...pick(address, "ip", "hostname"),
        ...(address.targetRef ? { target: reference(address.targetRef) } : {}),
      }));
    const subsets = list(at(object, "subsets")).map((subset) => ({
      ports: list(subset.ports).map((port) => pick(port, "name", "port", "protocol")),
      addresses: addresses(subset.addresses),
      notReadyAddresses: addresses(subset.notReadyAddresses),
    }));
    return { subsets };
  }
  if (object.kind === "EndpointSlice") {
    const endpoints = list(at(object, "endpoints")).map((endpoint) => ({
      ...pick(endpoint, "addresses", "hostname"),
      conditions: endpoint.conditions ?? {},
      ...(endpoint.targetRef ? { target: reference(endpoint.targetRef) } : {}),
    }));
    const ports = list(at(object, "ports")).map((port) => pick(port, "name", "protocol", "port"));
    return { ...pick(object, "addressType"), ports: ports.length > 0 ? ports : null, endpoints };
  }
  return undefined;
}

function volumeParts(object: KubeObject): Data {
  const spec = at(object, "spec");
  if (object.kind === "PersistentVolume") {
    const claim = at(spec, "claimRef");
    return {
      spec: {
        ...pick(spec, "capacity", "accessModes", "storageClassName", "persistentVolumeReclaimPolicy"),
        ...(claim ? { claim: `${at(claim, "namespace")}/${at(claim, "name")}` } : {}),
      },
      status: pick(at(object, "status"), "phase", "reason", "message"),
    };
  }
  if (object.kind === "PersistentVolumeClaim") {
    return {
      spec: pick(spec, "accessModes", "resources", "storageClassName", "volumeName"),
      status: pick(at(object, "status"), "phase", "capacity", "accessModes"),
    };
  }
  throw new Error(`no parts are selected of a ${object.kind}`);
}

function conditionsOf(conditions: readonly Data[]): readonly Data[] {
  return conditions
    .map((condition) => pick(condition, "type", "status", "reason", "message"))
    .sort((one, other) => String(one.type).localeCompare(String(other.type)));
}

function statusOf(object: KubeObject, ...leftOut: readonly string[]): Data {
  const { conditions, ...rest } = (at(object, "status") ?? {}) as Data;
  const kept = Object.entries(rest).filter(([name]) => !leftOut.includes(name));
  const shown =
    leftOut.includes("conditions") || list(conditions).length === 0
      ? {}
      : { conditions: conditionsOf(list(conditions)) };
  return { ...Object.fromEntries(kept), ...shown };
}
