import type { LabelSelector } from "../../machinery/generated/meta-v1.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type * as extensions from "../generated/extensions-v1beta1.ts";

/** What a policy of early 2016 lets in, before it had a list of rules. */
interface AllowIncoming {
  readonly from?: readonly { readonly pods?: Labels; readonly namespaces?: Labels }[];
  readonly toPorts?: extensions.NetworkPolicyIngressRule["ports"];
}

/** Labels as they stand, or already a selector. */
type Labels = Readonly<Record<string, string>> | LabelSelector;

type EarlyPolicy = KubeObject & {
  readonly spec?: { readonly podSelector?: Labels; readonly allowIncoming?: AllowIncoming; readonly ingress?: unknown };
};

/**
 * A NetworkPolicy that says `allowIncoming` with plain labels, as the drafts printed it, in the words of the version that
 * was shipped. Everything else, and what could be read in two ways, is left as it came. Tells what was read.
 */
export function withIngressRules(object: KubeObject, tell: (text: string) => void): KubeObject {
  const { spec } = object as EarlyPolicy;
  if (!spec || !isReadable(spec.allowIncoming) || spec.ingress !== undefined) return object;
  const { allowIncoming, podSelector = {}, ...others } = spec;
  const { from, toPorts } = allowIncoming;
  const rule = {
    ...(toPorts ? { ports: toPorts } : {}),
    ...(from ? { from: from.map(peerOf) } : {}),
  };
  tell("spec.allowIncoming is read as spec.ingress, and its labels as selectors: write it that way");
  return { ...object, spec: { ...others, podSelector: selectorOf(podSelector), ingress: [rule] } } as KubeObject;
}

// One that names nobody could mean everybody or nobody.
function isReadable(given: unknown): given is AllowIncoming {
  if (!isRecord(given)) return false;
  const { from, toPorts, ...others } = given;
  const known = Object.keys(others).length === 0 && (from !== undefined || toPorts !== undefined);
  return known && isListOf(from, ["pods", "namespaces"]) && (toPorts === undefined || Array.isArray(toPorts));
}

function isListOf(given: unknown, members: readonly string[]): boolean {
  if (given === undefined) return true;
  if (!Array.isArray(given)) return false;
  return given.every(
    (item) =>
      isRecord(item) &&
      Object.keys(item).length === 1 &&
      Object.entries(item).every(([name, value]) => members.includes(name) && isRecord(value)),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function peerOf({ pods, namespaces }: NonNullable<AllowIncoming["from"]>[number]): extensions.NetworkPolicyPeer {
  return {
    ...(pods ? { podSelector: selectorOf(pods) } : {}),
    ...(namespaces ? { namespaceSelector: selectorOf(namespaces) } : {}),
  };
}

function selectorOf(labels: Labels): LabelSelector {
  if ("matchLabels" in labels || "matchExpressions" in labels || Object.keys(labels).length === 0) return labels;
  return { matchLabels: labels as Readonly<Record<string, string>> };
}
