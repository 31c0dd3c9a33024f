import { portsClash } from "../api/core/host-ports.ts";
import { termMatches } from "../api/core/node-selection.ts";
import { tolerates } from "../api/core/tolerations.ts";
import type { NodeSelectorTerm, Pod, PodAffinityTerm } from "../api/generated/core-v1.ts";
import { selectorOfObject } from "../machinery/labels.ts";
import { keyText } from "../machinery/object.ts";
import { quantityOf, quantityOfMilli } from "../machinery/quantity.ts";
import type { NodeInfo } from "./framework/node-info.ts";
import type { Rejection } from "./framework/plugin.ts";
import { podInfo } from "./framework/pod-info.ts";
import { amountOf } from "./framework/requests.ts";

type Mend = (pod: Pod, node: NodeInfo) => readonly string[];

/** What would have to change for one plugin to let a pod go to a node, the least of it, as sentences; its reasons where no more is known. */
export function mendsOf(plugin: string, rejection: Rejection, pod: Pod, node: NodeInfo): readonly string[] {
  const known = mends[plugin]?.(pod, node) ?? [];
  return known.length > 0 ? known : rejection.reasons;
}

const mends: Readonly<Record<string, Mend>> = {
  NodeResourcesFit: moreRoom,
  TaintToleration: ({ spec }, { node }) =>
    (node.spec.taints ?? [])
      .filter((taint) => taint.effect !== "PreferNoSchedule" && !spec.tolerations?.some((one) => tolerates(one, taint)))
      .map(({ key, value, effect }) => `taint ${key}${value ? `=${value}` : ""}:${effect} is not tolerated`),
  NodeUnschedulable: (_pod, { name }) => [`the node is cordoned: kubectl uncordon ${name}`],
  NodeName: ({ spec }) => [`the pod asks for node ${spec.nodeName} by name`],
  NodePorts: freePorts,
  NodeAffinity: otherLabels,
  PodTopologySpread: ({ spec }, { labels }) =>
    (spec.topologySpreadConstraints ?? [])
      .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule")
      .map(({ topologyKey, maxSkew, labelSelector }) => {
        const place = labels[topologyKey];
        if (place === undefined) return `label ${topologyKey} is missing`;
        return `${topologyKey}=${place} may hold at most ${maxSkew} more ${podsLike(labelSelector)} than the emptiest ${topologyKey}`;
      }),
  InterPodAffinity: otherCompany,
};

function amount(name: string, value: number): string {
  if (name === "cpu") return quantityOfMilli(value);
  return quantityOf(value, name === "memory" || name === "ephemeral-storage" ? "BinarySI" : "DecimalSI");
}

function moreRoom(pod: Pod, node: NodeInfo): readonly string[] {
  const { requests } = podInfo(pod);
  const found: string[] = [];
  const most = Number(node.node.status?.allocatable?.pods ?? 0);
  if (node.pods.size + 1 > most) found.push(`holds ${node.pods.size} of ${most} pods: one has to go`);
  for (const name of ["cpu", "memory", "ephemeral-storage", ...requests.others.keys()]) {
    const wanted = amountOf(requests, name);
    const capacity = node.capacity(name);
    const free = capacity - node.requested(name);
    if (wanted === 0 || wanted <= free) continue;
    const more = `needs ${amount(name, wanted - free)} more ${name}`;
    const rest = `${amount(name, Math.max(0, free))} of ${amount(name, capacity)} are free, ${amount(name, wanted)} are asked for`;
    found.push(`${more} (${rest}${wanted > capacity ? "; more than the whole node has" : ""})`);
  }
  return found;
}

function freePorts(pod: Pod, node: NodeInfo): readonly string[] {
  const { ports } = podInfo(pod);
  return [...node.pods.values()].flatMap((other) =>
    ports
      .filter((port) => other.ports.some((taken) => portsClash(port, taken)))
      .map(({ port, protocol }) => `host port ${port}/${protocol} is taken by pod ${keyText(other.pod.metadata)}`),
  );
}

type Requirement = NonNullable<NodeSelectorTerm["matchExpressions"]>[number];

/** All that `nodeSelector` asks for, and the term of the affinity that is nearest to being true. */
function otherLabels({ spec }: Pod, node: NodeInfo): readonly string[] {
  const selected = Object.entries(spec.nodeSelector ?? {})
    .filter(([key, value]) => node.labels[key] !== value)
    .map(([key, value]) => labelMend({ key, operator: "In", values: [value] }, node));
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0 || terms.some((term) => termMatches(term, node))) return selected;
  const [nearest = []] = terms.map((term) => missing(term, node)).sort((one, two) => one.length - two.length);
  return [...selected, ...nearest];
}

function missing({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: NodeInfo): readonly string[] {
  return [
    ...matchExpressions
      .filter((each) => !termMatches({ matchExpressions: [each] }, node))
      .map((each) => labelMend(each, node)),
    ...matchFields
      .filter((each) => !termMatches({ matchFields: [each] }, node))
      .map(({ key, operator, values = [] }) => `the pod asks for nodes with ${key} ${operator} (${values.join(", ")})`),
  ];
}

function labelMend({ key, operator, values = [] }: Requirement, { labels }: NodeInfo): string {
  const value = labels[key];
  switch (operator) {
    case "Exists":
      return `label ${key} is missing`;
    case "DoesNotExist":
      return `label ${key} must not be there (it is ${value})`;
    case "NotIn":
      return `label ${key} must not be one of (${values.join(", ")})`;
    case "Gt":
    case "Lt":
      return `label ${key} must be ${operator === "Gt" ? "above" : "below"} ${values[0]} (${value ?? "it is missing"})`;
    default:
      return value === undefined
        ? `label ${key} in (${values.join(", ")}) is missing`
        : `label ${key} must be one of (${values.join(", ")}), it is ${value}`;
  }
}

function otherCompany({ spec }: Pod, { labels }: NodeInfo): readonly string[] {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const place = ({ topologyKey }: PodAffinityTerm) =>
    labels[topologyKey] === undefined ? undefined : `${topologyKey}=${labels[topologyKey]}`;
  const near = (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
    place(term) === undefined
      ? `label ${term.topologyKey} is missing`
      : `there must be ${podsLike(term.labelSelector)} in ${place(term)}`,
  );
  const away = (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term) =>
    place(term) === undefined ? [] : [`there must be no ${podsLike(term.labelSelector)} in ${place(term)}`],
  );
  return [...near, ...away];
}

function podsLike(selector: PodAffinityTerm["labelSelector"]): string {
  const text = selectorOfObject(selector).toString();
  return text ? `pods with ${text}` : "pods";
}
