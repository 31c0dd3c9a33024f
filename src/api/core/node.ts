import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { qualifiedName, validLabelValue } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { validRange } from "../addresses.ts";
import { type Errors, eachAt, named } from "../checks.ts";
import { ageColumn, nameColumn, orNone, text, wide } from "../columns.ts";
import { change, fill } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { validateTaintEffect } from "./validate-affinity.ts";

export type Node = core.Node;

const rolePrefix = "node-role.kubernetes.io/";

/** A machine that runs pods. */
export const Node = defineKind<core.Node>({
  type: "core/v1.Node",
  plural: "nodes",
  shortNames: ["no"],
  scope: "Cluster",
  subresources: ["status", "proxy"],
  defaults: (node) =>
    change(fill(node, { spec: {} }), {
      spec: nodeRanges,
      status: (status) => (status.capacity ? fill(status, { allocatable: status.capacity }) : status),
    }),
  // A node brings its status when it registers itself.
  prepareCreate: (node) => node,
  validate: ({ spec }) => [
    ...validateTaints(spec.taints, path("metadata", "taints")),
    ...validateRanges(spec.podCIDRs, path("spec", "podCIDRs")),
  ],
  validateUpdate: validateChange,
  generationOf: () => undefined,
  columns: [
    nameColumn,
    text("Status", statusText),
    text("Roles", (node) => orNone(rolesOf(node).join(","))),
    ageColumn,
    text("Version", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
    wide(text("Internal-IP", (node) => orNone(addressOf(node, "InternalIP")))),
    wide(text("External-IP", (node) => orNone(addressOf(node, "ExternalIP")))),
    wide(text("OS-Image", ({ status }) => status?.nodeInfo?.osImage || "<unknown>")),
    wide(text("Kernel-Version", ({ status }) => status?.nodeInfo?.kernelVersion || "<unknown>")),
    wide(text("Container-Runtime", ({ status }) => status?.nodeInfo?.containerRuntimeVersion || "<unknown>")),
  ],
  fields: { "spec.unschedulable": ({ spec }) => String(spec.unschedulable ?? false) },
});

/** The node's condition of a type, if it has it. */
export function nodeCondition(node: core.Node, type: core.NodeConditionType): core.NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** True when the node says that it can run pods. */
export function isNodeReady(node: core.Node): boolean {
  return nodeCondition(node, "Ready")?.status === "True";
}

/** The first address of a type. */
export function addressOf(node: core.Node, type: core.NodeAddressType): string | undefined {
  return node.status?.addresses?.find((address) => address.type === type)?.address;
}

function nodeRanges(spec: core.NodeSpec): core.NodeSpec {
  const first = spec.podCIDRs?.[0];
  if (spec.podCIDR && spec.podCIDR !== first) return { ...spec, podCIDRs: [spec.podCIDR] };
  return first && !spec.podCIDR ? { ...spec, podCIDR: first } : spec;
}

function statusText(node: core.Node): string {
  const ready = nodeCondition(node, "Ready");
  const state = !ready ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec.unschedulable ? `${state},SchedulingDisabled` : state;
}

/** What the node's labels say that it is for: `control-plane`, `worker`, ... */
export function rolesOf({ metadata: { labels = {} } }: core.Node): readonly string[] {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(labels)) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length));
    else if (key === "kubernetes.io/role" && value) roles.add(value);
  }
  return [...roles].sort();
}

function validateTaints(taints: readonly core.Taint[] | undefined, place: FieldPath): Errors {
  const seen = new Set<string>();
  return eachAt(taints, place, (taint, here) => {
    const errors: FieldError[] = [...named(here.child("key"), taint.key, qualifiedName)];
    const faults = validLabelValue(taint.value ?? "");
    if (faults.length > 0) errors.push(field.invalid(here.child("value"), taint.value, faults.join(";")));
    errors.push(...validateTaintEffect(taint.effect, here.child("effect"), { optional: false }));
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key)) {
      const { message, ...duplicate } = field.duplicate(here, taint);
      errors.push({ ...duplicate, message: `${message}: taints must be unique by key and effect pair` });
    }
    seen.add(key);
    return errors;
  });
}

function validateRanges(ranges: readonly string[] | undefined, place: FieldPath): Errors {
  if (!ranges || ranges.length === 0) return [];
  const errors = eachAt(ranges, place, (range, here) => validRange(here, range));
  if (errors.length > 0 || ranges.length === 1) return errors;
  const isSix = (range: string | undefined) => range?.includes(":") ?? false;
  if (ranges.length === 2 && isSix(ranges[0]) !== isSix(ranges[1])) return [];
  const detail = "may specify no more than one CIDR for each IP family";
  return [field.invalid(place, ranges, detail)];
}

function validateChange(next: core.Node, previous: core.Node): Errors {
  const errors: FieldError[] = [];
  const { spec } = next;
  const before = previous.spec;
  if ((before.podCIDRs ?? []).length > 0 && !isEqual(spec.podCIDRs, before.podCIDRs)) {
    const detail = 'node updates may not change podCIDR except from "" to valid';
    errors.push(field.forbidden(path("spec", "podCIDRs"), detail));
  }
  if (before.providerID && spec.providerID !== before.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid';
    errors.push(field.forbidden(path("spec", "providerID"), detail));
  }
  if (spec.externalID !== before.externalID) {
    const detail = "node updates may only change labels, taints, or capacity";
    errors.push(field.forbidden("", detail));
  }
  return errors;
}
