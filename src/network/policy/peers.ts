import type { NetworkPolicyPeer } from "../../api/generated/networking-v1.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { type Block, blockOf } from "./blocks.ts";
import type { PolicyPodInput } from "./policy-input.ts";
import { type NamedPort, portsNamed } from "./ports.ts";

/** A pod with what selectors ask for. */
export interface PodView {
  readonly pod: PolicyPodInput;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
}

/** Pods that a peer of a policy means, or with `named` those of them that have a port of that name. */
export interface PodTerm {
  readonly id: string;
  readonly named: NamedPort | undefined;
  /** Whether the pod is meant; with `named`, the numbers that the port has there (never none). */
  meets(view: PodView): true | readonly number[] | undefined;
}

/** Whom one rule is about: everyone, or pods and blocks. */
export type RulePeers = "everyone" | { readonly terms: readonly PodTerm[]; readonly blocks: readonly Block[] };

/** The peers of a rule of a policy in `namespace`; an absent or empty list means everyone. */
export function rulePeers(peers: readonly NetworkPolicyPeer[] | undefined, namespace: string): RulePeers {
  if (!peers || peers.length === 0) return "everyone";
  const blocks = peers.map((peer) => peer.ipBlock && blockOf(peer.ipBlock)).filter((block) => block !== undefined);
  return { terms: peers.filter((peer) => !peer.ipBlock).map((peer) => podTerm(peer, namespace)), blocks };
}

/** All pods of the cluster that have a port of this name: whom a rule for everyone means when it names its port. */
export function anyPodWith(named: NamedPort): PodTerm {
  return withNamed({ id: "pods of everywhere", named: undefined, meets: () => true }, named);
}

/** The same pods, but only those that have a port of this name. */
export function withNamed(term: PodTerm, named: NamedPort): PodTerm {
  return {
    id: `${term.id} with ${named.protocol}/${named.name}`,
    named,
    meets: (view) => {
      if (!term.meets(view)) return undefined;
      const numbers = portsNamed(view.pod, named);
      return numbers.length > 0 ? numbers : undefined;
    },
  };
}

function podTerm({ podSelector, namespaceSelector }: NetworkPolicyPeer, namespace: string): PodTerm {
  // A null selector of pods beside one of namespaces means all their pods, an absent one of namespaces the policy's own.
  const pods = selectorOfObject(podSelector ?? {});
  const namespaces = namespaceSelector && selectorOfObject(namespaceSelector);
  const place = namespaces ? `namespaces ${namespaces}` : `namespace ${namespace}`;
  return {
    id: `pods ${pods} of ${place}`,
    named: undefined,
    meets: ({ namespace: own, labels, namespaceLabels }) =>
      (namespaces ? namespaces.matches(namespaceLabels) : own === namespace) && pods.matches(labels) ? true : undefined,
  };
}
